"""Imports of the core run downward: a module sees its own layer and the layers below it, nothing above."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

CORE = Path(__file__).resolve().parents[2] / "rustorch_core" / "src" / "rustorch"

#: From the bottom up; the names are the modules and packages directly under `rustorch`.
LAYERS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "facts",
        frozenset(
            {
                "_fastpath",  # compiled: makes what `storage`, `base` and `tape` declare
                "errors",
                "dtypes",
                "device",
                "limits",
                "shape",
                "storage",
                "base",
                "tape",
                "rng",
                "version",
            }
        ),
    ),
    # plugins, runtime and streams: what plugin authors and programs import of dispatch
    ("dispatch", frozenset({"dispatch", "plugins", "runtime", "streams"})),
    ("ops", frozenset({"ops"})),
    ("autograd", frozenset({"autograd"})),
    ("tensor", frozenset({"tensor"})),
    ("nn, optim", frozenset({"nn", "optim", "quantization"})),
    (
        "what a person uses",
        frozenset(
            {"training", "data", "distributed", "visualization", "utils", "onnx", "testing", "cli", "cuda"}
            | {"hardware"}
            | {"__init__", "__main__"}
        ),
    ),
)
LEVEL = {name: level for level, (_, names) in enumerate(LAYERS) for name in names}

#: Third-party modules that may be imported when a module of the core is: small, always installed, no driver.
ALWAYS_THERE = frozenset({"numpy", "pluggy"}) | sys.stdlib_module_names
#: Modules that only pytest imports; what they are made of is the extra `conformance`.
OF_PYTEST = re.compile(r"rustorch\.testing\.conformance\.(conftest|session|kernel_calls|test_\w+)$")


class Import(NamedTuple):
    """One imported module, as an absolute dotted name, and where it is written."""

    target: str
    line: int
    at_module_level: bool


def modules() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit(module: str) -> str:
    """Return the name under `rustorch` that a dotted name belongs to; for `rustorch` itself, `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def is_module(name: str) -> bool:
    path = CORE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports(source: str, module: str, *, package: bool) -> Iterator[Import]:
    """Yield what a module imports, wherever it does, except under `if TYPE_CHECKING`."""

    def of(node: ast.AST, *, top: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, top)
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                parts = module.split(".")
                parents = parts[: len(parts) - node.level + package]
                home = ".".join([*parents, home] if home else parents)
            for alias in node.names:
                name = f"{home}.{alias.name}"  # `from rustorch import nn` imports rustorch.nn
                yield Import(name if is_module(name) else home, node.lineno, top)
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            for child in node.orelse:
                yield from of(child, top=top)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for child in ast.iter_child_nodes(node):
                yield from of(child, top=top and not inside)

    yield from of(ast.parse(source), top=True)


def imports_of(path: Path) -> list[Import]:
    return list(imports(path.read_text("utf-8"), dotted(path), package=path.name == "__init__.py"))


def upward(path: Path) -> list[str]:
    """Describe each import in `path` of a layer above its own."""
    here = unit(dotted(path))
    found = []
    for target, line, _ in imports_of(path):
        there = unit(target)
        if target.partition(".")[0] == "rustorch" and LEVEL[there] > LEVEL[here]:
            found.append(
                f"{path.relative_to(CORE)}:{line}: {here} ({LAYERS[LEVEL[here]][0]}) "
                f"imports {target} ({LAYERS[LEVEL[there]][0]})"
            )
    return found


def test_the_core_is_where_this_file_looks_for_it():
    assert modules()


def test_every_module_has_a_layer():
    unknown = {unit(dotted(path)) for path in modules()} - LEVEL.keys()
    assert not unknown, f"not in any layer, place them in LAYERS of {Path(__file__).name}: {sorted(unknown)}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_run_downward(path):
    assert not (found := upward(path)), "upward imports:\n" + "\n".join(found)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_no_backend_is_named(path):
    found = [
        f"{path.relative_to(CORE)}:{line}: {target}"
        for target, line, _ in imports_of(path)
        if target.startswith("rustorch_")
    ]
    assert not found, "the core has no favourites; backends are found by entry points:\n" + "\n".join(found)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_no_driver_or_heavy_library_is_imported_at_module_level(path):
    allowed = ALWAYS_THERE | {"rustorch"} | ({"pytest"} if OF_PYTEST.match(dotted(path)) else set())
    found = [
        f"{path.relative_to(CORE)}:{line}: {target}"
        for target, line, at_module_level in imports_of(path)
        if at_module_level and target.partition(".")[0] not in allowed
    ]
    assert not found, "import these where they are used:\n" + "\n".join(found)


SAMPLE = """
import numpy, rustorch.nn.init
from typing import TYPE_CHECKING
from . import NAME
from .. import errors as e
from ..errors import ShapeError
from rustorch import Tensor
if TYPE_CHECKING:
    from rustorch.tensor import Tensor
else:
    import pluggy
def use():
    import cupy
class Holder:
    import cffi
"""


@pytest.mark.parametrize(
    ("module", "package"), [("rustorch.dispatch.table", False), ("rustorch.dispatch", True)]
)
def test_the_reader_of_imports_sees_each_form(module, package):
    seen = list(imports(SAMPLE, module, package=package))
    assert [(found.target, found.at_module_level) for found in seen] == [
        ("numpy", True),
        ("rustorch.nn.init", True),
        ("typing", True),
        ("rustorch.dispatch", True),
        ("rustorch.errors", True),
        ("rustorch.errors", True),
        ("rustorch", True),
        ("pluggy", True),
        ("cupy", False),
        ("cffi", True),
    ]
