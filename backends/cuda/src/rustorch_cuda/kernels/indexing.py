"""Reading and writing along one dim at given indices."""

from __future__ import annotations

from typing import Any

from rustorch.errors import DTypeError
from rustorch.plugins import Kernel
from rustorch_cuda.failures import code_of
from rustorch_cuda.geometry import merged, packed
from rustorch_cuda.kernels.aside import Aside, Element
from rustorch_cuda.kernels.move import Move
from rustorch_cuda.program import Driver, Program, source
from rustorch_cuda.types import ALL, COMPLEX, STORAGE

_HALF = frozenset({"float16", "bfloat16"})
_MODES = {"set": "SET", "add": "ADD", "max": "MAX"}


def build(driver: Driver) -> list[Kernel]:
    """Return gather and scatter."""
    indexing = _Indexing(driver)
    return [
        Kernel("gather", indexing.gather, ALL, layout="strided"),
        Kernel("scatter", indexing.scatter, ALL, layout="strided"),
    ]


def text_of(op: str, dtype: str, mode: str = "set") -> str:
    """Return the source of a kernel for one dtype."""
    call = f"gather<{STORAGE[dtype]}>" if op == "gather" else f"scatter<{STORAGE[dtype]}, {_MODES[mode]}>"
    lines = f'extern "C" __global__ void {op}_form(const Args<3> r) {{ {call}(r); }}'
    return source("functions", "indexing", lines=lines)


class _Indexing:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._move = Move(driver)
        self._programs: dict[tuple[str, ...], Program] = {}

    def _program(self, *key: str) -> Program:
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program(self._driver, text_of(*key))
        return program

    def gather(self, out: Any, x: Any, index: Any, *, dim: int) -> None:
        """``out[i, j, k] = x[i, index[i, j, k], k]`` for dim = 1, and likewise for other dims."""
        if out.shape.elements == 0:
            return
        along, size = _along(x, dim)
        rest = tuple(0 if d == dim else step for d, step in enumerate(x.strides))
        args = packed(
            merged(index.shape, [out.strides, rest, index.strides]),
            [out.address, x.address, index.address],
            wholes=[along, size, dim, code_of("gather")],
            failure=self._driver.failure(),
        )
        self._program("gather", x.dtype.name).launch("gather_form", out.shape.elements, args)

    def scatter(self, out: Any, index: Any, src: Any, *, dim: int, mode: str) -> None:
        """``out[i, index[i, j, k], k] (=, +=, max=) src[i, j, k]`` for dim = 1, in order along the dim."""
        if index.shape.elements == 0:
            return
        if mode == "max" and src.dtype.name in COMPLEX:
            raise DTypeError(f"scatter: complex numbers have no order, got {src.dtype.name}")
        if mode == "add" and src.dtype.name in _HALF:
            self._add_wide(out, index, src, dim)
            return
        others = [d for d in range(len(index.shape)) if d != dim]
        lines = merged(
            [index.shape[d] for d in others], [[v.strides[d] for d in others] for v in (out, index, src)]
        )
        along, size = _along(out, dim)
        args = packed(
            lines,
            [out.address, index.address, src.address],
            wholes=[
                *(along, size, dim, code_of("scatter")),
                *(_along(index, dim)[1], _along(index, dim)[0], _along(src, dim)[0]),
            ],
            failure=self._driver.failure(),
        )
        self._program("scatter", src.dtype.name, mode).launch("scatter_form", lines.count, args)

    def _add_wide(self, out: Any, index: Any, src: Any, dim: int) -> None:
        """Add in float32 and round once: rounding after every addition would lose small ones."""
        total, terms = (Aside(self._driver, x, Element("float32", 4)) for x in (out, src))
        self._move.cast(total, out)
        self._move.cast(terms, src)
        self.scatter(total, index, terms, dim=dim, mode="add")
        self._move.cast(out, total)


def _along(x: Any, dim: int) -> tuple[int, int]:
    """Return step and size along a dim; a 0-d operand counts as one element."""
    return (x.strides[dim], x.shape[dim]) if x.shape else (0, 1)
