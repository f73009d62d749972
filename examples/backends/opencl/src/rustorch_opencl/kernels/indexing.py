"""Reading and writing along one dim at given indices.

Writing is done by one work-item per line along the dim, in the order of the indices: so the result
does not depend on which work-item comes first, and equal indices need no atomic operations.
"""

from __future__ import annotations

from functools import cache

from rustorch.errors import OutOfBoundsError
from rustorch.plugins import Kernel
from rustorch.shape import Shape
from rustorch_opencl.geometry import Strides, longs
from rustorch_opencl.kernels.move import cast_elements
from rustorch_opencl.mapping import Operand, View, map_program, operand, run, scratch
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.types import ALL, BITS, TYPES

STATUS = ["volatile global int *status", "const int code"]
OUT_OF_BOUNDS = "{op}: index {{}} is out of bounds for dimension {dim} with size {length}"

#: mode -> what becomes of an element `old` and a value `new`, for numbers and for bools.
MODES = {
    "set": ("new", "new"),
    "add": ("(U)old + (U)new", "old | new"),
    "max": ("greatest(old, new)", "old | new"),
}


def shape_of(view: View) -> Strides:
    """Return the sizes; a 0-d operand counts as one element in one dim."""
    return tuple(view.shape) or (1,)


def line(view: View, dim: int) -> tuple[Operand, int]:
    """Return a pointer that stays at the start of its line along `dim`, and the step along it."""
    strides = view.strides or (0,)
    return operand(view)._replace(strides=(*strides[:dim], 0, *strides[dim + 1 :])), strides[dim]


def spread(index: View, dim: int, ndim: int) -> Operand:
    """Return a pointer that shows a 1-d index along `dim` and the same one along all others."""
    return operand(index)._replace(strides=tuple(index.strides[0] if d == dim else 0 for d in range(ndim)))


# -- reading ----------------------------------------------------------------------------------------


@cache
def _read_program(size: int) -> Program:
    tag, bits = BITS[size]
    body = (
        "long j = p1[at[1]]; if (j < 0 || j >= length) fail(status, code, j);"
        f"else store_{tag}(p0, at[0], load_{tag}(p2, at[2] + j * step));"
    )
    return map_program(body, [bits, "long", bits], ["const long length", "const long step", *STATUS])


def _read(op: str, out: View, x: View, index: Operand, dim: int) -> None:
    shape, length = shape_of(out), shape_of(x)[dim]
    source, step = line(x, dim)
    error = OUT_OF_BOUNDS.format(op=op, dim=dim, length=length)
    status = source.block.runtime.error(OutOfBoundsError, error)
    to = operand(out)._replace(strides=out.strides or (0,))
    run(_read_program(out.dtype.itemsize), shape, [to, index, source], longs(length), longs(step), *status)


def gather(out: View, x: View, index: View, *, dim: int) -> None:
    """``out[i][j] = x[index[i][j]][j]`` for dim 0."""
    _read("gather", out, x, operand(index)._replace(strides=index.strides or (0,)), dim)


def index_select(out: View, x: View, index: View, *, dim: int) -> None:
    """``out[i][j] = x[index[i]][j]`` for dim 0."""
    _read("index_select", out, x, spread(index, dim, len(shape_of(out))), dim)


# -- writing ----------------------------------------------------------------------------------------


@cache
def _write_program(dtype: str, source: str, mode: str) -> Program:
    t, s = TYPES[dtype], TYPES[source]
    combined = MODES[mode][t.kind == "bool"]
    body = (
        "for (long k = 0; k < count; k++) { long j = p1[at[1] + k * index_step];"
        "if (j < 0 || j >= length) { fail(status, code, j); continue; }"
        f"long to = at[0] + j * out_step; T old = load_{t.tag}(p0, to);"
        f"T new = load_{s.tag}(p2, at[2] + k * source_step); store_{t.tag}(p0, to, {combined}); }}"
    )
    numbers = [f"const long {n}" for n in ("count", "length", "out_step", "index_step", "source_step")]
    return map_program(body, [t.stored, "long", s.stored], [*numbers, *STATUS], **computing_in(dtype))


def _write(
    op: str, out: View, index: Operand, index_step: int, src: View, shape: Strides, dim: int, mode: str
) -> None:
    """Combine `src` into `out`; `shape` says how much of `src` is used."""
    dtype, length = out.dtype.name, shape_of(out)[dim]
    to, out_step = line(out, dim)
    source, source_step = line(src, dim)
    runtime = to.block.runtime
    status = runtime.error(OutOfBoundsError, OUT_OF_BOUNDS.format(op=op, dim=dim, length=length))
    lines = (*shape[:dim], min(shape[dim], 1), *shape[dim + 1 :])

    def submit(target: str, to: Operand, out_step: int) -> None:
        numbers = [longs(n) for n in (shape[dim], length, out_step, index_step, source_step)]
        program = _write_program(target, src.dtype.name, mode)
        run(program, lines, [to, index, source], *numbers, *status)

    if mode != "add" or dtype not in ("float16", "bfloat16"):
        submit(dtype, to, out_step)
        return
    whole = Shape(shape_of(out))  # halves add up in float32 and are rounded once
    with scratch(runtime, whole.elements * 4) as block:
        wide = Operand(block, 0, whole.strides)
        narrow = operand(out)._replace(strides=out.strides or (0,))
        cast_elements(dtype, "float32", whole, wide, narrow)
        strides = (*whole.strides[:dim], 0, *whole.strides[dim + 1 :])
        submit("float32", wide._replace(strides=strides), whole.strides[dim])
        cast_elements("float32", dtype, whole, narrow, wide)


def scatter(out: View, index: View, src: View, *, dim: int, mode: str) -> None:
    """``out[index[i][j]][j] = src[i][j]`` for dim 0, or added, or the larger one."""
    start, step = line(index, dim)
    _write("scatter", out, start, step, src, shape_of(index), dim, mode)


def index_add(out: View, index: View, src: View, *, dim: int) -> None:
    """``out[index[i]][j] += src[i][j]`` for dim 0."""
    start = operand(index)._replace(strides=(0,) * len(shape_of(src)))
    _write("index_add", out, start, index.strides[0], src, shape_of(src), dim, "add")


def kernels() -> list[Kernel]:
    """All of them, for any strides."""
    return [
        Kernel(fn.__name__, fn, frozenset({dtype}), layout="strided")
        for fn in (gather, index_select, scatter, index_add)
        for dtype in ALL
    ]
