"""Reductions: sum, prod, amax, amin over any dims as trees; argmax and argmin along one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod

from rustorch.plugins import Kernel
from rustorch.shape import Shape
from rustorch_opencl.geometry import collapse, longs, padded
from rustorch_opencl.kernels.move import copy_elements
from rustorch_opencl.mapping import Operand, View, map_program, operand, run, scratch
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.rows import GROUP, RowProgram
from rustorch_opencl.types import ALL, SIZES, TYPES, CType

RANK = 4  # dims of a plan; x with more is copied first
PART = 64 * GROUP  # elements of a row that one group folds

#: op -> (function for numbers, for bools, start)
FOLDS = {
    "sum": ("plus", "either", "0"),
    "prod": ("times", "both", "1"),
    "amax": ("greatest", "either", "LOWEST"),
    "amin": ("least", "both", "HIGHEST"),
}


def accumulator(op: str, dtype: str) -> CType:
    """Return the type in which a reduction adds up: wide for halves, wrapping for integers."""
    t = TYPES[dtype]
    if t.kind == "float":
        return TYPES["float64" if dtype == "float64" else "float32"]
    if t.kind == "bool" or op.startswith("a"):
        return t
    tag = "u64" if dtype == "int64" else "u32"
    return t._replace(tag=tag, stored=t.unsigned, computed=t.unsigned)


@cache
def _program(op: str, dtype: str, source: CType, target: CType, reduced: int) -> RowProgram:
    number, boolean, start = FOLDS[op]
    return RowProgram(
        "reduce.cl",
        **computing_in(dtype),
        A=accumulator(op, dtype).computed,
        COMBINE=boolean if dtype == "bool" else number,
        IDENTITY=start,
        IN=source.stored,
        LOAD=f"load_{source.tag}",
        OUT=target.stored,
        STORE=f"store_{target.tag}",
        RANK=RANK,
        REDUCED=reduced,
    )


def reduction(op: str, dtype: str) -> Callable[..., None]:
    """Return the kernel of one op and dtype."""

    def kernel(out: View, x: View, *, dim: tuple[int, ...]) -> None:
        t = TYPES[dtype]
        _fold(op, dtype, (t, t), x.shape, dim, operand(out), operand(x))

    return kernel


def add_up(dtype: str, shape: Sequence[int], dim: Sequence[int], out: Operand, x: Operand) -> None:
    """Sum what is stored in the accumulator's type into elements of `dtype`."""
    _fold("sum", dtype, (accumulator("sum", dtype), TYPES[dtype]), shape, dim, out, x)


def _fold(
    op: str,
    dtype: str,
    kinds: tuple[CType, CType],
    shape: Sequence[int],
    dim: Sequence[int],
    out: Operand,
    x: Operand,
) -> None:
    """Reduce elements of type kinds[0] to kinds[1]; strides of `out` in reduced dims do not count."""
    kept = [d for d in range(len(shape)) if d not in dim]
    sizes, (to, across) = collapse([shape[d] for d in kept], [[y.strides[d] for d in kept] for y in (out, x)])
    lengths, (along,) = collapse([shape[d] for d in dim], [[x.strides[d] for d in dim]])
    if max(len(sizes), len(lengths)) > RANK:
        _fold_copied(op, dtype, kinds, shape, kept, dim, out, x)
        return
    rows, length = prod(sizes), prod(lengths)
    parts = max(-(-length // PART), 1)

    def submit(target: CType, out: Operand, to: list[int], part_stride: int) -> None:
        numbers = [rows, length, parts, PART, out.offset, x.offset, part_stride]
        numbers += [*padded(sizes, 1, RANK), *padded(to, 0, RANK), *padded(across, 0, RANK)]
        plan = longs(*numbers, *padded(lengths, 1, RANK), *padded(along, 0, RANK))
        program = _program(op, dtype, kinds[0], target, len(lengths))
        program.launch(
            x.block.runtime, "reduce", rows * parts, length, out.block.memory, x.block.memory, plan
        )

    if parts == 1:
        submit(kinds[1], out, to, 0)
        return
    wide = accumulator(op, dtype)
    partial = Shape((*[shape[d] for d in kept], parts))
    with scratch(x.block.runtime, partial.elements * SIZES[wide.stored]) as block:
        submit(wide, Operand(block, 0, ()), [step * parts for step in Shape(sizes).strides], 1)
        final = Operand(out.block, out.offset, (*[out.strides[d] for d in kept], 0))
        between = Operand(block, 0, partial.strides)
        _fold(op, dtype, (wide, kinds[1]), partial, [len(kept)], final, between)


def _fold_copied(
    op: str,
    dtype: str,
    kinds: tuple[CType, CType],
    shape: Sequence[int],
    kept: Sequence[int],
    dim: Sequence[int],
    out: Operand,
    x: Operand,
) -> None:
    """Do the same with x copied so that the reduced dims come last, and a result without gaps."""
    order = [*kept, *dim]
    ordered, result = Shape(shape[d] for d in order), Shape(shape[d] for d in kept)
    size, result_size = (SIZES[t.stored] for t in kinds)
    runtime = x.block.runtime
    with scratch(runtime, ordered.elements * size) as a, scratch(runtime, result.elements * result_size) as b:
        whole = Operand(a, 0, ordered.strides)
        copy_elements(size, ordered, whole, Operand(x.block, x.offset, tuple(x.strides[d] for d in order)))
        sums = Operand(b, 0, result.strides)
        last = range(len(kept), len(order))
        _fold(
            op, dtype, kinds, ordered, last, sums._replace(strides=(*result.strides, *[0] * len(dim))), whole
        )
        to = Operand(out.block, out.offset, tuple(out.strides[d] for d in kept))
        copy_elements(result_size, result, to, sums)


@cache
def _extreme_program(dtype: str, sign: str) -> Program:
    t = TYPES[dtype]
    better = "x > best" if sign == "max" else "x < best"
    if t.kind == "float":  # NaN is the extreme; the first one stays
        better = f"!isnan(best) && (isnan(x) || {better})"
    body = (
        f"T best = load_{t.tag}(p1, at[1]); long where = 0;"
        f"for (long k = 1; k < length; k++) {{ T x = load_{t.tag}(p1, at[1] + k * step);"
        f"if ({better}) {{ best = x; where = k; }} }} p0[at[0]] = where;"
    )
    return map_program(
        body, ["long", t.stored], ["const long length", "const long step"], **computing_in(dtype)
    )


def extreme(op: str, dtype: str) -> Callable[..., None]:
    """Return the kernel of argmax or argmin: one work-item per row, so that the lowest index wins."""

    def kernel(out: View, x: View, *, dim: int) -> None:
        length, step = (x.shape[dim], x.strides[dim]) if x.shape else (1, 0)
        strides = tuple(0 if d == dim else s for d, s in enumerate(x.strides))
        views = [operand(out), operand(x)._replace(strides=strides)]
        run(_extreme_program(dtype, op[3:]), out.shape, views, longs(length), longs(step))

    return kernel


def kernels() -> list[Kernel]:
    """All reductions."""
    found = [
        Kernel(op, reduction(op, dtype), frozenset({dtype}), layout="strided")
        for op in FOLDS
        for dtype in ALL
    ]
    return found + [
        Kernel(op, extreme(op, dtype), frozenset({dtype}), layout="strided")
        for op in ("argmax", "argmin")
        for dtype in ALL
    ]
