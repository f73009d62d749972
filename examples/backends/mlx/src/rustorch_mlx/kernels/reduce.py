"""Reductions, running sums and sorting; the result of a reduction has size 1 in the reduced dims."""

from __future__ import annotations

from collections.abc import Callable

import mlx.core as mx

from rustorch_mlx.kernels.build import functional, widened
from rustorch_mlx.views import ALL, BOOL, REAL

Reduction = Callable[..., mx.array]


def reduction(fold: Reduction) -> Reduction:
    """Give a function of MLX the contract's attribute; no dim at all would mean all to MLX."""
    return lambda x, *, dim: fold(x, axis=dim, keepdims=True) if dim else x


def argument(fold: Reduction) -> Reduction:
    """Make NaN the extreme value: the first one wins."""

    def place(x: mx.array, *, dim: int) -> mx.array:
        found = fold(x, axis=dim, keepdims=True)
        if not mx.issubdtype(x.dtype, mx.floating):
            return found
        nan = mx.isnan(x)
        return mx.where(nan.any(axis=dim, keepdims=True), mx.argmax(nan, axis=dim, keepdims=True), found)

    return place


def cumsum(x: mx.array, *, dim: int) -> mx.array:
    return mx.cumsum(x, axis=dim)


def sort(x: mx.array, *, dim: int, descending: bool) -> tuple[mx.array, mx.array]:
    """NaN is the largest; equal elements keep their order, also in reverse."""
    places = mx.argsort(x[flipped(x, dim)] if descending else x, axis=dim)
    if descending:
        places = x.shape[dim] - 1 - places[flipped(x, dim)].astype(mx.int64)
    return mx.take_along_axis(x, places, axis=dim), places


def flipped(x: mx.array, dim: int) -> tuple[slice, ...]:
    return tuple(slice(None, None, -1) if d == dim else slice(None) for d in range(x.ndim))


KERNELS = [
    functional("sum", reduction(mx.any), BOOL),
    functional("prod", reduction(mx.all), BOOL),
    functional("sum", widened(reduction(mx.sum)), ALL - BOOL),
    functional("prod", widened(reduction(mx.prod)), ALL - BOOL),
    functional("amax", reduction(mx.max), REAL),
    functional("amin", reduction(mx.min), REAL),
    functional("argmax", argument(mx.argmax), REAL),
    functional("argmin", argument(mx.argmin), REAL),
    functional("cumsum", widened(cumsum), ALL - BOOL),
    functional("sort", sort, REAL),
]
