"""Reductions, running sums and sorting; the result of a reduction has size 1 in the reduced dims."""

from __future__ import annotations

import math
from collections.abc import Callable

import mlx.core as mx

from rustorch_mlx.kernels.build import functional
from rustorch_mlx.views import ACCUMULATOR, ALL, BOOL, REAL

BLOCK = 64

Reduction = Callable[..., mx.array]


def reduction(fold: Reduction) -> Reduction:
    """Give a function of MLX the contract's attribute; no dim at all would mean all to MLX."""
    return lambda x, *, dim: fold(x, axis=dim, keepdims=True) if dim else x


def total(x: mx.array, *, dim: tuple[int, ...]) -> mx.array:
    """Add up in blocks of blocks: MLX adds one by one on the processor, and loses digits where many are."""
    kept = [d for d in range(x.ndim) if d not in dim]
    rows = x.transpose(*kept, *dim).reshape(*(x.shape[d] for d in kept), math.prod(x.shape[d] for d in dim))
    while rows.shape[-1] > BLOCK:
        rows = mx.pad(rows, [(0, 0)] * len(kept) + [(0, -rows.shape[-1] % BLOCK)])
        rows = rows.reshape(*rows.shape[:-1], -1, BLOCK).sum(axis=-1)
    return rows.sum(axis=-1).reshape([1 if d in dim else size for d, size in enumerate(x.shape)])


def accumulated(fold: Reduction) -> Reduction:
    """Let a function add up in a wider dtype."""
    return lambda x, *, dim: fold(x.astype(ACCUMULATOR.get(x.dtype, x.dtype)), dim=dim)


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
    functional("sum", accumulated(total), ALL - BOOL),
    # of complex numbers it decomposes: MLX's own loses the NaN of a product that overflows
    functional("prod", accumulated(reduction(mx.prod)), REAL - BOOL),
    functional("amax", reduction(mx.max), REAL),
    functional("amin", reduction(mx.min), REAL),
    functional("argmax", argument(mx.argmax), REAL),
    functional("argmin", argument(mx.argmin), REAL),
    functional("cumsum", accumulated(cumsum), ALL - BOOL),
    functional("sort", sort, REAL),
]
