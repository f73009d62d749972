"""Reductions made of ``sum`` and ``amax``, or of halves: decompositions."""

from __future__ import annotations

from typing import Any

from rustorch import dtypes
from rustorch.dtypes import FLOAT
from rustorch.ops.creation import arange
from rustorch.ops.select import where
from rustorch.shape import Shape, reduced_shape


def prod(x: Any, *, dim: tuple[int, ...]) -> Any:
    """Multiply the halves of the reduced dims until one element is left."""
    kept = reduced_shape(x.shape, dim, keepdim=True)
    rest = [d for d in range(len(x.shape)) if d not in dim]
    size = Shape(x.shape[d] for d in dim).elements
    rows = _accurate(x.permute([*rest, *dim]).reshape([*(x.shape[d] for d in rest), size]))
    if size == 0:
        return rows.new_ones(kept)
    odd = None  # the elements that had no partner
    while size > 1:
        size, single = divmod(size, 2)
        if single:
            last = rows.narrow(-1, 2 * size, 1)
            odd = last if odd is None else odd * last
        rows = rows.narrow(-1, 0, size) * rows.narrow(-1, size, size)
    total = rows if odd is None else rows * odd
    return total.reshape(kept).to(x.dtype)


def _accurate(x: Any) -> Any:
    """Return a float operand in a wider dtype where there is one, since every factor adds an error."""
    if not x.dtype.is_floating_point or x.dtype is dtypes.float64:
        return x
    return x.to(dtypes.float64 if "float64" in x.device.info.dtypes else dtypes.float32)


def amin(x: Any, *, dim: tuple[int, ...]) -> Any:
    """Return the minimum: what is the maximum in reversed order."""
    if x.dtype.category < FLOAT:
        return x.bitwise_not().amax(dim, True).bitwise_not()
    return -((-x).amax(dim, True))


def _first(hits: Any, dim: int) -> Any:
    """Return the lowest position along `dim` at which `hits` is True."""
    size = hits.shape[dim]
    shape = [size if d == dim else 1 for d in range(len(hits.shape))]
    back = arange(size, 0, -1, device=hits.device).reshape(shape)  # the first element has the largest
    return size - where(hits, back, 0).amax((dim,), True)


def argmax(x: Any, *, dim: int) -> Any:
    """Return the first position of the maximum, or of NaN."""
    found = x == x.amax((dim,), True)
    return _first(found | x.isnan() if x.dtype.category == FLOAT else found, dim)


def argmin(x: Any, *, dim: int) -> Any:
    """Return the first position of the minimum, or of NaN."""
    found = x == x.amin((dim,), True)
    return _first(found | x.isnan() if x.dtype.category == FLOAT else found, dim)
