"""Kernels that fill, count, copy, choose and convert."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rustorch.plugins import Kernel
from rustorch_opencl.mapping import Operand, View, map_program, operand, run
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.types import ALL, BITS, FLOATS, NUMBERS, TYPES, packed


@cache
def _fill(dtype: str) -> Program:
    t = TYPES[dtype]
    kind, value = ("real", f"round_{t.tag}(value)") if t.kind == "float" else ("T", "value")
    return map_program(
        f"store_{t.tag}(p0, at[0], {value});", [t.stored], [f"const {kind} value"], **computing_in(dtype)
    )


def fill(out: View, *, value: float) -> None:
    """Every element is `value`."""
    x = operand(out)
    run(_fill(out.dtype.name), out.shape, [x], _widest(value, out.dtype.name, x.block.runtime.fp64))


@cache
def _arange(dtype: str) -> Program:
    t = TYPES[dtype]
    kind, value = ("real", f"round_{t.tag}(%s)") if t.kind == "float" else ("ulong", "%s")
    value %= f"start + ({kind})get_global_id(0) * step"
    return map_program(
        f"store_{t.tag}(p0, at[0], {value});",
        [t.stored],
        [f"const {kind} start", f"const {kind} step"],
        **computing_in(dtype),
    )


def arange(out: View, *, start: float, step: float) -> None:
    """``out[i] = start + i * step``, in 64 bits."""
    x, kind = operand(out), out.dtype.name
    wide = kind if kind in FLOATS else "int64"
    numbers = [_widest(n, wide, x.block.runtime.fp64) for n in (start, step)]
    run(_arange(kind), out.shape, [x], *numbers)


def _widest(value: float, dtype: str, fp64: bool) -> bytes:
    """Return a number as an argument: floats as the device's widest type."""
    if dtype in FLOATS:
        dtype = "float64" if fp64 else "float32"
    return packed(value, dtype)


@cache
def _copy(size: int) -> Program:
    tag, bits = BITS[size]
    return map_program(f"store_{tag}(p0, at[0], load_{tag}(p1, at[1]));", [bits, bits])


def copy_elements(size: int, shape: Sequence[int], out: Operand, x: Operand) -> None:
    """Copy elements of `size` bytes."""
    run(_copy(size), shape, [out, x])


def copy(out: View, x: View) -> None:
    """The same bits, also those of a NaN."""
    copy_elements(out.dtype.itemsize, out.shape, operand(out), operand(x))


@cache
def _where(size: int) -> Program:
    tag, bits = BITS[size]
    chosen = f"load_b8(p1, at[1]) ? load_{tag}(p2, at[2]) : load_{tag}(p3, at[3])"
    return map_program(f"store_{tag}(p0, at[0], {chosen});", [bits, "uchar", bits, bits])


def where(out: View, condition: View, a: View, b: View) -> None:
    """Elements of `a` where the condition is true, else of `b`."""
    run(_where(out.dtype.itemsize), out.shape, [operand(v) for v in (out, condition, a, b)])


@cache
def _cast(source: str, target: str) -> Program:
    s, t = TYPES[source], TYPES[target]
    if t.kind == "bool":
        value = "value != 0"
    elif t.kind == "float":
        value = f"round_{t.tag}(value)"
    else:
        value = "truncated(value)" if s.kind == "float" else "value"
    return map_program(
        f"{s.computed} value = load_{s.tag}(p1, at[1]); store_{t.tag}(p0, at[0], {value});",
        [t.stored, s.stored],
    )


def cast_elements(source: str, target: str, shape: Sequence[int], out: Operand, x: Operand) -> None:
    """Convert elements from one dtype to another."""
    run(_cast(source, target), shape, [out, x])


def cast(out: View, x: View) -> None:
    """The elements in another dtype: truncated to integers, rounded once to floats."""
    cast_elements(x.dtype.name, out.dtype.name, out.shape, operand(out), operand(x))


def kernels() -> list[Kernel]:
    """All of them, for any strides but arange's, whose result is new."""
    found = [
        Kernel(fn.__name__, fn, frozenset({dtype}), layout="strided")
        for fn in (fill, copy, where, cast)
        for dtype in ALL
    ]
    return found + [Kernel("arange", arange, frozenset({dtype})) for dtype in NUMBERS]
