"""Every Python block of the README and of docs/ runs, and so does every docstring example.

The ```python blocks of a file run in order in one namespace, in an empty folder.  What is not meant to run
is fenced as ```text.
"""

import doctest
import importlib
import pkgutil
import re
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("rustorch", "rustorch_reference", "rustorch_cpu")
FENCE = re.compile(r"^```python[^\S\n]*\n(.*?)^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text):
    """Yield each Python block with the number of lines above it, for tracebacks with the document's lines."""
    for found in FENCE.finditer(text):
        yield text.count("\n", 0, found.start(1)), found.group(1)


def modules():
    """Names of all modules of the installed distributions, without importing more than the packages."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        yield from (found.name for found in pkgutil.walk_packages(package.__path__, f"{name}."))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    # A module of its own, so that classes defined in a block can be pickled for worker processes.
    namespace = types.ModuleType(f"document_{path.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, namespace.__name__, namespace)
    for above, source in blocks(path.read_text("utf-8")):
        exec(compile("\n" * above + source, str(path), "exec"), vars(namespace))


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    if name.endswith("__main__"):
        pytest.skip("importing it runs the command")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert not results.failed, "see the captured output"


def test_blocks_are_found_with_their_lines():
    text = "# T\n```python\na = 1\n```\n\n```text\nno\n```\n```python title\nno\n```\n```python\nb = 2\n```\n"
    assert list(blocks(text)) == [(2, "a = 1\n"), (12, "b = 2\n")]
