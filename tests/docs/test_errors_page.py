"""docs/errors.md lists every error with the classes it derives from."""

import inspect
import re
from pathlib import Path

import pytest

import rustorch
from rustorch import errors

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
CLASSES = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls)}


def test_all_are_listed():
    assert ROWS.keys() == CLASSES.keys()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_bases(name):
    bases = [base.__name__ for base in CLASSES[name].__bases__ if base is not errors.RusTorchError]
    assert re.findall(r"`(\w+)`", ROWS[name]) == bases


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_they_are_in_the_main_module(name):
    assert getattr(rustorch, name) is CLASSES[name]
