"""docs/ops.md is what docs/generate_ops.py writes from the op table."""

import inspect
import runpy
from pathlib import Path

import pytest

from rustorch.ops import functions

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generator():
    return runpy.run_path(str(DOCS / "generate_ops.py"))


def test_the_table_is_up_to_date(generator):
    if (DOCS / "ops.md").read_text("utf-8") != generator["text"]():
        pytest.fail("docs/ops.md is stale: run `python docs/generate_ops.py` and commit the file")


def test_every_function_has_a_row_with_a_sentence(generator):
    table = generator["text"]()
    for name, entry in functions.items():
        assert f"| `{name}(" in table
        assert generator["sentence"](entry).endswith("."), (
            f"{name}: the docstring's first sentence has no full stop"
        )


@pytest.mark.parametrize("name", sorted(functions))
def test_signatures_name_their_parameters(name):
    kinds = [p.kind for p in inspect.signature(functions[name].function).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD not in kinds, f"{name}: help() shows **kwargs"
