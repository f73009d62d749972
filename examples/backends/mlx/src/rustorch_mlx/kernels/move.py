"""Kernels that move values and compute nothing."""

from __future__ import annotations

import mlx.core as mx

from rustorch_mlx.kernels.build import functional, writing
from rustorch_mlx.views import ALL, FLOATS, INTEGERS, View, dtype_of, load, store


def fill(out: View, *, value: bool | int | float | complex) -> None:
    if out.dtype.name in INTEGERS:  # they wrap
        store(out, mx.array((int(value) + 2**63) % 2**64 - 2**63, mx.int64))
    else:
        store(out, mx.array(value, dtype_of(out)))


def cast(out: View, x: View) -> None:
    values = load(x)
    store(out, values != 0 if out.dtype.name == "bool" else values)


def arange(out: View, *, start: int | float, step: int | float) -> None:
    """Compute ``start + i * step`` on the processor, which has float64, and only the result on the device."""
    wide = mx.float64 if out.dtype.name in FLOATS else mx.int64
    with mx.stream(mx.cpu):
        values = mx.arange(out.shape.elements).astype(wide) * mx.array(step, wide) + mx.array(start, wide)
        values = values.astype(dtype_of(out))
    store(out, values)


KERNELS = [
    writing("fill", fill, ALL),
    functional("copy", lambda x: x, ALL),
    writing("cast", cast, ALL),
    writing("arange", arange, INTEGERS | FLOATS),
    functional("where", mx.where, ALL),
]
