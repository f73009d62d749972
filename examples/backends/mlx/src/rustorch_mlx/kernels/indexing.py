"""Reading and writing at given indices, after a look at their range, which waits for them."""

from __future__ import annotations

import math

import mlx.core as mx

from rustorch.errors import OutOfBoundsError
from rustorch_mlx.graph import graph
from rustorch_mlx.kernels.build import functional, writing
from rustorch_mlx.views import ACCUMULATOR, ALL, View, load, store


def wide(x: mx.array) -> mx.array:
    """Return the array in the dtype that its elements are added up in; MLX cannot add bools."""
    return x.astype(mx.int32 if x.dtype == mx.bool_ else ACCUMULATOR.get(x.dtype, x.dtype))


def check(op: str, index: mx.array, dim: int, size: int) -> None:
    """Raise unless all indices are in [0, size)."""
    if not index.size:
        return
    low, high = graph.value(mx.stack([index.min(), index.max()])).tolist()
    if low < 0 or high >= size:
        value = next(i for i in index.reshape(-1).tolist() if not 0 <= i < size)
        raise OutOfBoundsError(f"{op}: index {value} is out of bounds for dimension {dim} with size {size}")


def rows(index: mx.array, shape: tuple[int, ...], dim: int) -> mx.array:
    """Return the flat place in `shape` of what `index` names along `dim`."""
    place = mx.zeros(index.shape, mx.int64)
    step = 1
    for d in reversed(range(len(shape))):
        here = index if d == dim else mx.arange(index.shape[d]).reshape(-1, *[1] * (len(shape) - 1 - d))
        place, step = place + here * step, step * shape[d]
    return place.reshape(-1)


def gather(x: mx.array, index: mx.array, *, dim: int) -> mx.array:
    check("gather", index, dim, x.shape[dim])
    return x.reshape(-1)[rows(index, x.shape, dim)].reshape(index.shape)


def scatter(out: View, index: View, src: View, *, dim: int, mode: str) -> None:
    target, where, values = load(out), load(index), load(src)
    check("scatter", where, dim, target.shape[dim])
    if not where.size:
        return
    values = values[tuple(slice(size) for size in where.shape)].reshape(-1)
    flat = target.reshape(-1)
    if mode != "set":
        flat, values = wide(flat), wide(values)
    places = rows(where, target.shape, dim)
    if mode == "set":
        found = mx.put_along_axis(flat, places, values, axis=0)
    elif mode == "add":
        found = flat.at[places].add(values)
    else:
        found = flat.at[places].maximum(values)  # passes over NaN
        if mx.issubdtype(flat.dtype, mx.floating):
            found = mx.where(mx.isnan(flat).at[places].maximum(mx.isnan(values)), math.nan, found)
    store(out, found.reshape(target.shape))


def index_select(x: mx.array, index: mx.array, *, dim: int) -> mx.array:
    check("index_select", index, dim, x.shape[dim])
    return mx.take(x, index, axis=dim)


def index_add(out: View, index: View, src: View, *, dim: int) -> None:
    target, where, values = load(out), load(index), load(src)
    check("index_add", where, dim, target.shape[dim])
    first = mx.moveaxis(wide(target), dim, 0).at[where].add(mx.moveaxis(wide(values), dim, 0))
    store(out, mx.moveaxis(first, 0, dim))


KERNELS = [
    functional("gather", gather, ALL),
    functional("index_select", index_select, ALL),
    writing("scatter", scatter, ALL),
    writing("index_add", index_add, ALL),
]
