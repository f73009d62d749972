"""Values as a set: distinct ones, membership, counting, and finding a place in a sorted sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.joining import cat
from rustorch.ops.movement import reshape
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, index
from rustorch.shape import normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_DYNAMIC: dict[str, Any] = {"differentiable": False, "tags": ("dynamic",)}


def _tensor(name: str, x: Any) -> Any:
    if not isinstance(x, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(x).__name__}")
    return x.detach()


def _row_order(rows: Any) -> Any:
    """Return the order of the rows of a matrix, compared from the first column on."""
    order = rows.new_arange(rows.shape[0])
    for column in reversed(range(rows.shape[1])):
        keys = rows.select(1, column).index_select(0, order)
        order = order.index_select(0, keys.argsort())  # stable, so later columns decide ties
    return order


def _distinct(name: str, input: Any, dim: int | None, sort: bool, inverse: bool, counts: bool) -> Any:
    x = _tensor(name, input)
    axis = None if dim is None else normalize_dim(name, dim, len(x.shape))
    slices = reshape(x, (-1,)) if axis is None or not x.shape else x.movedim(axis, 0)
    size = slices.shape[0]
    rows = slices.reshape(size, slices.shape.elements // size if size else 1)
    order = _row_order(rows) if sort else x.new_arange(size)
    rows = rows.index_select(0, order)
    fresh = (rows.narrow(0, 1, size - 1) != rows.narrow(0, 0, size - 1)).any(1) if size else rows.any(1)
    starts = cat([fresh.new_ones((min(size, 1),)), fresh])
    first = starts.nonzero(as_tuple=True)[0]
    values = slices.index_select(0, order.index_select(0, first))
    results = [values if axis is None or not x.shape else values.movedim(0, axis)]
    if inverse:
        number = starts.to(dtypes.int64).cumsum(0) - 1
        where_from = number.new_zeros((size,)).scatter(0, order, number)
        results.append(where_from.reshape(x.shape) if axis is None else where_from)
    if counts:
        ends = cat([first.narrow(0, 1, first.shape[0] - 1), first.new_full((1,), size)]) if size else first
        results.append(ends - first)
    return results[0] if len(results) == 1 else tuple(results)


@public(
    **_DYNAMIC,
    samples=lambda: [
        call(index(9, below=4)),
        call(index(3, 4, below=5), True, True, True),
        call(index(6, 2, below=2), return_counts=True, dim=0),
        call(index(2, 7, below=2), return_inverse=True, dim=1),
        call(index(0, below=3)),
    ],
)
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements in order, or with `dim` the distinct slices along it.

    Args:
        input: a tensor of any shape.
        sorted: accepted; the result always is.  Every NaN is distinct.
        return_inverse: also return, per element (or slice), which of the distinct ones it is.
        return_counts: also return how often each occurs.
        dim: compare slices along this dim; None compares elements.
    """
    return _distinct("unique", input, dim, True, return_inverse, return_counts)


@public(
    **_DYNAMIC,
    samples=lambda: [
        call(index(12, below=2)),
        call(index(9, below=2), True, True),
        call(index(6, 2, below=2), dim=0),
    ],
)
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements (or slices) without those that equal the one before; see :func:`unique`."""
    return _distinct("unique_consecutive", input, dim, False, return_inverse, return_counts)


@public(
    differentiable=False,
    samples=lambda: [
        call(index(3, 4, below=6), index(3, below=6)),
        call(index(5, below=3), index(0, below=3)),
        call(index(5, below=3), 1),
    ],
)
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return where `elements` occur among `test_elements` (or do not, with `invert`); one may be a number."""
    if not isinstance(elements, TensorBase):
        elements = _tensor("isin", test_elements).new_tensor(elements)
    if not isinstance(test_elements, TensorBase):
        test_elements = _tensor("isin", elements).new_tensor(test_elements)
    tests = reshape(test_elements, (-1,))
    found = (elements.unsqueeze(-1) == tests).any(-1)
    return found.logical_not() if invert else found


# -- places in a sorted sequence ---------------------------------------------------------------------


def _places(name: str, sequence: Any, values: Any, right: bool, out_int32: bool) -> Any:
    if sequence.dtype is not values.dtype:
        raise DTypeError(
            f"{name}: the sequence and the values must have one dtype, "
            f"got {sequence.dtype.name} and {values.dtype.name}"
        )
    rows = len(sequence.shape) > 1
    if not sequence.shape or (rows and tuple(sequence.shape[:-1]) != tuple(values.shape[:-1])):
        raise ShapeError(
            f"{name}: the sequence must have 1 dim, or the dims of the values up to the last, "
            f"got {tuple(sequence.shape)} and {tuple(values.shape)}"
        )
    size = sequence.shape[-1]
    place = values.new_zeros(values.shape, dtype=dtypes.int64)
    step = 1 << size.bit_length() >> 1 if size else 0
    while step:  # place grows by halving steps while the element before it comes before the value
        further = place + step
        fits = further <= size
        at = further.minimum(size) - 1
        element = (
            sequence.gather(-1, at) if rows else sequence.index_select(0, at.reshape(-1)).reshape(at.shape)
        )
        before = element > values if right else element >= values
        place = place + (fits & before.logical_not()).to(dtypes.int64) * step
        step >>= 1
    return place.to(dtypes.int32) if out_int32 else place


def _number(like: Any, value: Any) -> Any:
    if isinstance(value, TensorBase):
        return value.detach()
    if not isinstance(value, (int, float)):
        raise ArgumentTypeError(f"searchsorted: expected a tensor or a number, got {type(value).__name__}")
    return like.new_tensor(value)


@public(
    differentiable=False,
    method=False,
    samples=lambda: [
        call(index(1, below=5), index(3, 4, below=5)),
        call(index(1, below=5), 2, right=True),
        call(index(0, below=5), index(2, below=5)),
        call(index(3, 1, below=5), index(3, 4, below=5)),
    ],
)
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where to insert values so that a sequence sorted along its last dim stays sorted.

    Args:
        sorted_sequence: 1-d, or with the dims of `input` up to the last.
        input: a tensor or a number.
        out_int32: return int32 instead of int64.
        right: place equal values after (True) or before (False).
        side: "left" or "right", another spelling of `right`.
        sorter: the order that sorts a sequence that is not sorted, as argsort returns it.
    """
    sequence = _tensor("searchsorted", sorted_sequence)
    if side not in (None, "left", "right"):
        raise ArgumentError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise ArgumentError("searchsorted: side='left' and right=True contradict each other")
    if sorter is not None:
        sequence = sequence.gather(-1, sorter)
    return _places("searchsorted", sequence, _number(sequence, input), right or side == "right", out_int32)


@public(
    differentiable=False,
    samples=lambda: [
        call(index(3, 4, below=9), index(1, below=9)),
        call(index(3, below=5), index(0, below=5), right=True),
    ],
)
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return the number of the bucket that each value falls into, between sorted 1-d boundaries."""
    limits = _tensor("bucketize", boundaries)
    if len(limits.shape) != 1:
        raise ShapeError(f"bucketize: the boundaries must have 1 dim, got shape {tuple(limits.shape)}")
    return _places("bucketize", limits, _number(limits, input), right, out_int32)


# -- counting ----------------------------------------------------------------------------------------


@public(
    differentiable=False,
    samples=lambda: [call(array(20)), call(array(20), 5, -1.0, 1.0), call(array(3, 4), 4)],
)
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Return how many elements fall into each of `bins` equal intervals of [min, max].

    Elements outside are not counted.  ``min == max == 0`` takes the range of the data.
    """
    x = _tensor("histc", input)
    count: Any = bins
    if not x.dtype.is_floating_point:
        raise DTypeError(f"histc: a floating-point tensor is required, got {x.dtype.name}")
    if isinstance(count, bool) or not isinstance(count, int) or count <= 0:
        raise ArgumentError(f"histc: bins must be a positive integer, got {bins!r}")
    low, high = float(min), float(max)
    if low == high == 0 and x.shape.elements:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (low < high and high - low < float("inf")):
        raise ArgumentError(f"histc: a finite range with min below max is required, got [{low}, {high}]")
    flat: Any = reshape(x, (-1,))
    inside = ((flat >= low) & (flat <= high)).to(x.dtype)
    place = ((flat - low) * bins / (high - low)).clamp(0, bins - 1)
    place = place.nan_to_num(0.0).floor().to(dtypes.int64)
    return x.new_zeros((bins,)).scatter_add(0, place, inside)


@public(
    **_DYNAMIC,
    samples=lambda: [
        call(index(9, below=5)),
        call(index(4, below=3), array(4, grad=False), 6),
        call(index(0, below=3)),
    ],
)
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each integer from 0 up occurs, or the sum of its weights.

    Raises:
        ArgumentError: if an element or `minlength` is negative.
    """
    x = _tensor("bincount", input)
    if x.dtype.category != dtypes.INT or len(x.shape) != 1:
        raise ArgumentError(
            f"bincount: a 1-d integer tensor is required, got {x.dtype.name} of shape {tuple(x.shape)}"
        )
    if minlength < 0:
        raise ArgumentError(f"bincount: minlength must not be negative, got {minlength}")
    if x.shape.elements and int(x.min()) < 0:
        raise ArgumentError(f"bincount: elements must not be negative, got {int(x.min())}")
    size = max(int(x.max()) + 1 if x.shape.elements else 0, minlength)
    place = x.to(dtypes.int64)
    if weights is None:
        return x.new_zeros((size,), dtype=dtypes.int64).scatter_add(0, place, place.new_ones(x.shape))
    if weights.shape != x.shape:
        raise ShapeError(
            f"bincount: weights must have the input's shape {tuple(x.shape)}, got {tuple(weights.shape)}"
        )
    parts = _tensor("bincount", weights)
    parts = parts if parts.dtype is dtypes.float32 else parts.to(dtypes.float64)
    return parts.new_zeros((size,)).scatter_add(0, place, parts)
