"""Short names for common uses of other functions, as PyTorch has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, ShapeError
from rustorch.ops.movement import flip, reshape, view_as_shape
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, index, mask
from rustorch.ops.select import where
from rustorch.shape import normalize_dim, normalize_dims

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


class MinAndMax(NamedTuple):
    """The smallest and the largest value."""

    min: Any
    max: Any


@public(tags=("view",), samples=lambda: [call(array(3, 4), array(2, 6)), call(array(0), array(3, 0))])
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view of `input` in the shape of `other`."""
    return view_as_shape(input, other.shape)


@public(samples=lambda: [call(array(3, 4), array(2, 6)), call(array(1), array())])
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return `input` in the shape of `other`."""
    return reshape(input, other.shape)


@public(samples=lambda: [call(array(3, 4, distinct=True), 0.1), call(array(0), 1.0)])
def clamp_min(input: Tensor, min: float | Tensor) -> Tensor:
    """Return each element, or `min` where that is larger."""
    return input.clamp(min=min)


@public(samples=lambda: [call(array(3, 4, distinct=True), 0.1), call(array(0), 1.0)])
def clamp_max(input: Tensor, max: float | Tensor) -> Tensor:
    """Return each element, or `max` where that is smaller."""
    return input.clamp(max=max)


@public(
    samples=lambda: [
        call(array(2, 3, 5), array(2, 3, 4), array(2, 4, 5)),
        call(array(5), array(2, 3, 4), array(2, 4, 5), beta=0.5, alpha=2.0),
    ]
)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * (batch1 @ batch2)`` for batches of matrices.

    Raises:
        ShapeError: if `batch1` or `batch2` has not 3 dims.
    """
    product: Any = batch1.bmm(batch2)
    if alpha != 1:
        product = product * alpha
    if beta == 0:  # then NaN in the input does not show
        return product
    return product + (input if beta == 1 else input * beta)


@public(
    differentiable=False,
    samples=lambda: [
        call(mask(3, 4)),
        call(mask(3, 4), 1),
        call(index(3, 4, below=3, low=-1), (0, 1)),
        call(array(0)),
    ],
)
def count_nonzero(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return how many elements are not zero, in all or along `dim`, as int64."""
    return (input != 0).sum(dim)


@public(
    samples=lambda: [
        call(array(3, 4, low=-5.0, high=5.0), 1.7),
        call(array(3, 4, low=-5.0, high=5.0), array(4, low=1.1, high=1.9)),
    ]
)
def fmod(input: Tensor, other: float | Tensor) -> Tensor:
    """Return the remainder of division, with the sign of the dividend (as C's ``fmod``)."""
    size: Any = abs(other)
    rest: Any = input.abs().remainder(size)
    return where(input < 0, -rest, rest)


@public(samples=lambda: [call(array(3, 4)), call(array(3, 4), 1), call(array(3, 4), (0, 1), keepdim=True)])
def nanmean(input: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
    """Return the mean of the elements that are not NaN."""
    missing: Any = input.isnan()
    axes = normalize_dims("nanmean", dim, len(input.shape))
    count = missing.logical_not().to(input.dtype).sum(axes, keepdim=keepdim)
    return where(missing, 0, input).sum(axes, keepdim=keepdim) / count


@public(samples=lambda: [call(array(3, 4), array(3, 4, low=0.3, high=2.0))])
def xlogy(input: Tensor, other: Tensor) -> Tensor:
    """Return ``input * log(other)``, and 0 where `input` is 0 (NaN where `other` is NaN)."""
    zero: Any = (input == 0).logical_and(other.isnan().logical_not())
    return where(zero, 0, input * where(zero, 1, other).log())


@public(
    samples=lambda: [
        call(array(3, 4, 5), array(4, 5, 2)),
        call(array(3, 4), array(2, 3), 0),
        call(array(3, 4), array(4, 3), ([0, 1], [1, 0])),
    ]
)
def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """Return products summed over pairs of dims: the last of `a` with the first of `b`, or those given.

    Raises:
        ShapeError: if the dims of a pair differ in size.
    """
    if isinstance(dims, int):
        if not 0 <= dims <= min(len(a.shape), len(b.shape)):
            raise ShapeError(
                f"tensordot: {dims} dims of both are required, got {tuple(a.shape)} and {tuple(b.shape)}"
            )
        ours, others = list(range(len(a.shape) - dims, len(a.shape))), list(range(dims))
    else:
        ours = [normalize_dim("tensordot", d, len(a.shape)) for d in dims[0]]
        others = [normalize_dim("tensordot", d, len(b.shape)) for d in dims[1]]
    if (ours and not a.shape) or (others and not b.shape):
        raise ShapeError("tensordot: a 0-d tensor has no dims to sum over")
    sizes = [a.shape[d] for d in ours]
    if sizes != [b.shape[d] for d in others]:
        raise ShapeError(
            f"tensordot: the summed dims must have equal sizes, got {sizes} and {[b.shape[d] for d in others]}"
        )
    rows = [d for d in range(len(a.shape)) if d not in ours]
    columns = [d for d in range(len(b.shape)) if d not in others]
    left = a.permute([*rows, *ours]).reshape([math.prod(a.shape[d] for d in rows), math.prod(sizes)])
    right = b.permute([*others, *columns]).reshape([math.prod(sizes), math.prod(b.shape[d] for d in columns)])
    product: Any = left @ right
    return reshape(product, [*(a.shape[d] for d in rows), *(b.shape[d] for d in columns)])


@public(samples=lambda: [call(array(3, 4)), call(array(3, 4), dim=1), call(array(3, 4), dim=0, keepdim=True)])
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinAndMax:
    """Return the smallest and the largest value, of all elements or along `dim`."""
    axes: Any = () if dim is None else dim
    return MinAndMax(input.amin(axes, keepdim), input.amax(axes, keepdim))


@public(
    tags=("view",),
    samples=lambda: [
        call(array(7), 3),
        call(array(2, 7), 3, 1),
        call(array(6, 2), [1, 4]),
    ],
)
def tensor_split(input: Tensor, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of the parts along `dim`: so many nearly equal ones, or cut at the given places."""
    if not input.shape:
        raise ShapeError("tensor_split: a 0-d tensor has no dim to split")
    axis = normalize_dim("tensor_split", dim, len(input.shape))
    size, asked = input.shape[axis], indices_or_sections
    if isinstance(asked, int):
        if asked < 1:
            raise ShapeError(f"tensor_split: at least one part is required, got {asked}")
        if asked >= 2**24:
            raise ShapeError(f"tensor_split: fewer than 2**24 parts are required, got {asked}")
        base, more = divmod(size, asked)
        ends = [i * base + min(i, more) for i in range(1, asked)]
    elif isinstance(asked, TensorBase):
        raise ArgumentTypeError("tensor_split: give the places as a list; use .tolist()")
    else:
        ends = [min(max(e + size if e < 0 else e, 0), size) for e in asked]
    starts, stops = [0, *ends], [*ends, size]
    return tuple(input.narrow(axis, a, max(b - a, 0)) for a, b in zip(starts, stops, strict=True))


@public(
    samples=lambda: [call(array(3, 4), 1, index(2, below=4), 0.5), call(array(3), -1, index(2, below=3), 2.0)]
)
def index_fill(input: Tensor, dim: int, index: Tensor, value: float) -> Tensor:
    """Return a copy of `input` with the slices numbered by `index` along `dim` filled with `value`."""
    if not input.shape:
        raise ShapeError("index_fill: a 0-d tensor has no dim to index")
    axis = normalize_dim("index_fill", dim, len(input.shape))
    chosen: Any = index.new_zeros((input.shape[axis],)).index_add(0, index, index.new_ones((len(index),)))
    shape = [-1 if d == axis else 1 for d in range(len(input.shape))]
    return input.masked_fill((chosen > 0).reshape(shape), value)


@public(samples=lambda: [call(array(3, 4)), call(array(2, 3, 2))])
def fliplr(input: Tensor) -> Tensor:
    """Return `input` with its second dim reversed."""
    return flip(input, (1,))


@public(samples=lambda: [call(array(3, 4)), call(array(5))])
def flipud(input: Tensor) -> Tensor:
    """Return `input` with its first dim reversed."""
    return flip(input, (0,))


@public(
    samples=lambda: [
        call(array(3, 4)),
        call(array(3, 4), 1),
        call(array(3, 4), 0, correction=0, keepdim=True),
    ]
)
def var_mean(
    input: Tensor, dim: int | Sequence[int] | None = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Return variance and mean, in all or along `dim`."""
    return input.var(dim, correction=correction, keepdim=keepdim), input.mean(dim, keepdim)


@public(
    samples=lambda: [
        call(array(3, 4)),
        call(array(3, 4), 1),
        call(array(3, 4), 0, correction=0, keepdim=True),
    ]
)
def std_mean(
    input: Tensor, dim: int | Sequence[int] | None = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    """Return standard deviation and mean, in all or along `dim`."""
    return input.std(dim, correction=correction, keepdim=keepdim), input.mean(dim, keepdim)
