"""Filling, copying, converting: elementwise kernels whose types or numbers differ from the usual."""

from __future__ import annotations

from typing import Any

from rustorch.plugins import Kernel
from rustorch_cuda.geometry import packed_dense
from rustorch_cuda.kernels.elementwise import lines_of, run
from rustorch_cuda.program import Driver, Program, source
from rustorch_cuda.types import ALL, COMPLEX, FLOATS, INTEGERS, STORAGE

#: itemsize -> a type of that size, for kernels that only move bits (a bool and a NaN keep theirs).
_BITS = {1: "u8", 2: "u16", 4: "u32", 8: "u64", 16: "Complex<double>"}

_HALF = frozenset({"float16", "bfloat16"})


def build(driver: Driver) -> list[Kernel]:
    """Return fill, copy, cast and arange."""
    move = Move(driver)
    return [
        Kernel("fill", move.fill, ALL, layout="strided"),
        Kernel("copy", move.copy, ALL, layout="strided"),
        Kernel("cast", move.cast, ALL, layout="strided"),
        Kernel("arange", move.arange, INTEGERS | FLOATS),
    ]


class Move:
    """The kernels of one device, with the programs that they have compiled."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._programs: dict[tuple[str, ...], Program] = {}

    def _program(self, lines: str, *key: str) -> Program:
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = Program(
                self._driver, source("functions", "elementwise", lines=lines)
            )
        return program

    def fill(self, out: Any, *, value: complex) -> None:
        """Set every element to a Python number.  The result is its own operand, which is not looked at."""
        dtype = out.dtype.name
        program = self._program(fill_lines(dtype), "fill", dtype)
        if dtype in COMPLEX:
            run(self._driver, program, out, (out,), numbers=[complex(value).real, complex(value).imag])
        elif dtype in FLOATS:
            run(self._driver, program, out, (out,), numbers=[float(value)])  # type: ignore[arg-type]
        else:
            run(self._driver, program, out, (out,), wholes=(int(value),))  # type: ignore[arg-type]

    def copy(self, out: Any, x: Any) -> None:
        """Move the bits."""
        size = x.dtype.itemsize
        run(self._driver, self._program(copy_lines(size), "copy", str(size)), out, (x,))

    def cast(self, out: Any, x: Any) -> None:
        """Convert by PyTorch's rules."""
        pair = (x.dtype.name, out.dtype.name)
        run(self._driver, self._program(cast_lines(*pair), "cast", *pair), out, (x,))

    def arange(self, out: Any, *, start: float, step: float) -> None:
        """``out[i] = start + i * step``, computed in float64 or int64."""
        dtype = out.dtype.name
        count = out.shape.elements
        if count == 0:
            return
        numbers = [float(start), float(step)] if dtype in FLOATS else []
        wholes = [int(start), int(step)] if dtype in INTEGERS else []
        args = packed_dense(count, [out.address], numbers=numbers, wholes=wholes)
        self._program(arange_lines(dtype), "arange", dtype).launch("arange", count, args)


def fill_lines(dtype: str) -> str:
    """Return the kernels of `fill`."""
    storage = STORAGE[dtype]
    if dtype in COMPLEX:
        part = "float" if dtype == "complex64" else "double"
        expression = f"({storage}{{({part})r.number[0], ({part})r.number[1]}})"
    elif dtype in FLOATS:
        expression = "r.number[0]"
    else:
        expression = f"(Element<{storage}>::wide)r.whole[0]"
    return lines_of(storage, [storage], expression)


def copy_lines(itemsize: int) -> str:
    """Return the kernels of `copy`."""
    return lines_of(_BITS[itemsize], [_BITS[itemsize]], "a")


def cast_lines(from_: str, to: str) -> str:
    """Return the kernels of `cast`; to half precision they round once, from the operand's own value."""
    wide = "double" if to in _HALF else f"Element<{STORAGE[to]}>::wide"
    return lines_of(STORAGE[to], [STORAGE[from_]], f"Convert<{wide}, A>::of(a)")


def arange_lines(dtype: str) -> str:
    """Return the kernel of `arange`."""
    storage = STORAGE[dtype]
    value = (
        "r.number[0] + (double)i * r.number[1]"
        if dtype in FLOATS
        else f"({storage})(r.whole[0] + i * r.whole[1])"
    )
    return f"""\
extern "C" __global__ void arange(const Args<1> r) {{
    for (i64 i = FIRST; i < r.count; i += STRIDE)
        static_cast<{storage} *>(r.data[0])[i] = Element<{storage}>::store({value});
}}
"""
