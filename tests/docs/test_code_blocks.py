"""Every Python block of the README and of docs/ runs, and so does every docstring example.

The ```python blocks of a file run in order as one script, in a process and an empty folder of their own.
What is not meant to run is fenced as ```text.
"""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("rustorch", "rustorch_reference", "rustorch_cpu")
FENCE = re.compile(r"^```python[^\S\n]*\n(.*?)^```[^\S\n]*$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def script(document):
    """Return the Python blocks of a document on the lines that they have there, for tracebacks."""
    lines = []
    for found in FENCE.finditer(document):
        above = document.count("\n", 0, found.start(1))
        lines += [""] * (above - len(lines)) + found.group(1).splitlines()
    return "\n".join(lines) + "\n"


def modules():
    """Names of all modules of the installed distributions, without importing more than the packages."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        yield from (found.name for found in pkgutil.walk_packages(package.__path__, f"{name}."))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks_run(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    blocks = tmp_path / f"{path.stem}_blocks.py"  # random.py would hide the module `random`
    blocks.write_text(script(path.read_text("utf-8")), "utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", str(blocks)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{path.relative_to(ROOT)}\n{run.stdout}\n{run.stderr}"


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_docstring_examples_run(name, tmp_path, monkeypatch):
    if name.endswith("__main__"):
        pytest.skip("importing it runs the command")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert not results.failed, "see the captured output"


def test_blocks_keep_their_lines():
    document = (
        "# T\n```python\na = 1\n```\n\n```text\nno\n```\n```python title\nno\n```\n```python\nb = 2\n```\n"
    )
    assert script(document).split("\n") == ["", "", "a = 1", *[""] * 9, "b = 2", ""]
