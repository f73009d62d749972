"""Between an operand view of the core and an MLX array: `load` reads one, `store` writes one."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from rustorch_mlx.graph import graph

View = Any  # an operand view as the backend contract describes it

BOOL = frozenset({"bool"})
INTEGERS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
HALF = frozenset({"float16", "bfloat16"})
SINGLE = HALF | {"float32"}
FLOATS = SINGLE | {"float64"}
COMPLEX = frozenset({"complex64"})
REAL = BOOL | INTEGERS | FLOATS
ALL = REAL | COMPLEX

#: dtype name -> MLX dtype.
DTYPES = {name: getattr(mx, name) for name in ALL - BOOL} | {"bool": mx.bool_}

#: Metal has no float64; there it is not among the device's dtypes.
HAS_GPU = mx.default_device().type == mx.gpu

#: In what sums of a dtype are added up; MLX adds one by one on the processor.
ACCUMULATOR = {mx.float16: mx.float32, mx.bfloat16: mx.float32}
if not HAS_GPU:
    ACCUMULATOR[mx.float32] = mx.float64


def dtype_of(view: View) -> mx.Dtype:
    """Return the MLX dtype of a view's elements."""
    return DTYPES[view.dtype.name]


def is_whole(view: View) -> bool:
    """Return whether a view is all of its buffer, in order."""
    return view.dense * view.dtype.itemsize == view.storage.nbytes


def load(view: View) -> mx.array | None:
    """Return the elements of a view; None for an operand that was not given."""
    if view is None:
        return None
    dtype = dtype_of(view)
    if not view.shape.elements:
        return mx.zeros(view.shape, dtype)  # an empty view may begin past the end of its buffer
    flat = view.storage.buffer.read(dtype)
    if is_whole(view):
        return flat.reshape(view.shape)
    return mx.as_strided(flat, view.shape, view.strides, view.offset)


def store(view: View, values: mx.array | None) -> None:
    """Write values into a view, converting them to its dtype; into a slot that is not used, nothing."""
    if view is None or not view.shape.elements:
        return
    values = mx.broadcast_to(values.astype(dtype_of(view)), view.shape).reshape(-1)
    if not is_whole(view):
        values = replaced(view, view.storage.buffer.read(values.dtype), values)
    graph.write(view.storage.buffer, mx.contiguous(values))


def replaced(view: View, flat: mx.array, values: mx.array) -> mx.array:
    """Return the elements of the whole buffer with those of the view replaced."""
    if view.dense >= 0:
        return mx.slice_update(flat, values, mx.array([view.offset]), axes=[0])
    return mx.put_along_axis(flat, places(view).reshape(-1), values, axis=0)


def places(view: View) -> mx.array:
    """Return where in its buffer each element of a view is."""
    found = mx.array(view.offset, mx.int64)
    for size, step in zip(view.shape, view.strides, strict=True):
        found = found[..., None] + mx.arange(size, dtype=mx.int64) * step
    return found
