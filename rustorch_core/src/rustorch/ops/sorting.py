"""Putting elements in order, and what follows from an order: largest, median, quantile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.joining import cat, stack
from rustorch.ops.movement import flip, reshape
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.reduce import ValuesAndIndices
from rustorch.ops.samples import array, call
from rustorch.ops.select import where
from rustorch.shape import Shape, normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _rule(x: Any, *, dim: int, descending: bool) -> list[tuple[Shape, DType]]:
    return [(x.shape, x.dtype), (x.shape, dtypes.int64)]


def _exchanged(first: Any, second: Any, descending: bool) -> tuple[Any, Any]:
    """Put pairs of (rank, value, position) in order; equal ones by position, which makes it stable."""
    (r0, v0, i0), (r1, v1, i1) = first, second
    smaller = v1 > v0 if descending else v1 < v0
    swap = (r1 < r0) | ((r1 == r0) & (smaller | ((v1 == v0) & (i1 < i0))))
    low = tuple(where(swap, b, a) for a, b in zip(first, second, strict=True))
    high = tuple(where(swap, a, b) for a, b in zip(first, second, strict=True))
    return low, high


def _sorted(x: Any, *, dim: int, descending: bool) -> tuple[Any, Any]:
    """Sort by a bitonic network (Batcher, "Sorting networks and their applications", AFIPS 1968).

    In every merge the second half is compared in reverse, so that all comparisons go one way.
    """
    moved = x.movedim(dim, -1)
    size = moved.shape[-1]
    if x.shape.elements == 0:
        return x, x.to(dtypes.int64)
    rows = moved.reshape(-1, size)
    if rows.dtype is dtypes.bool_:
        rows = rows.to(dtypes.uint8)
    full = 1 << (size - 1).bit_length()
    nan = rows.isnan() if rows.dtype.is_floating_point else rows != rows  # noqa: PLR0124 - none
    # NaN is the largest; what fills up to a power of two comes last in any order
    rank = where(nan, -1 if descending else 1, 0)
    value = where(nan, 0, rows)
    count, rest = rows.shape[0], full - size
    position = rows.new_arange(full).expand(count, full)
    if rest:
        rank = cat([rank, rank.new_full((count, rest), 2)], 1)
        value = cat([value, value.new_zeros((count, rest))], 1)
    keys: Any = (rank, value, position)
    width = 2
    while width <= full:
        half = width // 2
        parts = [k.reshape(count, -1, 2, half) for k in keys]
        low, high = _exchanged(
            tuple(p.select(2, 0) for p in parts), tuple(flip(p.select(2, 1), 2) for p in parts), descending
        )
        keys = tuple(stack([a, flip(b, 2)], 2) for a, b in zip(low, high, strict=True))
        step = half // 2
        while step:
            parts = [k.reshape(count, -1, 2, step) for k in keys]
            left, right = (tuple(p.select(2, i) for p in parts) for i in (0, 1))
            low, high = _exchanged(left, right, descending)
            keys = tuple(stack(pair, 2) for pair in zip(low, high, strict=True))
            step //= 2
        width *= 2
    order = keys[2].reshape(count, full).narrow(1, 0, size)
    indices = order.reshape(moved.shape).movedim(-1, dim)
    return x.gather(dim, indices), indices


def _sort_vjp(g: Any, out: Any, _x: Any, *, dim: int, descending: bool) -> Any:
    values = g[0]
    return values.new_zeros(_x.shape).scatter_add(dim, out[1], values)


sort_op = Op(
    "sort",
    _rule,
    decomposition=_sorted,
    non_differentiable=(1,),
    doc="Values in order along a dim and where they came from; stable, NaN is the largest.",
)
sort_op.vjp(_sort_vjp)


def _operand(name: str, input: Any, dim: Any) -> tuple[Any, int]:
    """Return the operand with at least one dim, and the dim."""
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(input).__name__}")
    if input.dtype.is_complex:
        raise DTypeError(f"{name}: complex numbers have no order, got {input.dtype.name}")
    axis = normalize_dim(name, dim, len(input.shape))
    x: Any = input
    return (x if x.shape else reshape(x, (1,))), axis


def ordered(name: str, input: Any, dim: Any, descending: bool = False) -> tuple[Any, Any, int]:
    """Return sorted values and indices of an operand with at least one dim, and the dim."""
    x, axis = _operand(name, input, dim)
    values, indices = sort_op(x, dim=axis, descending=bool(descending))
    return values, indices, axis


_SAMPLES = lambda: [  # noqa: E731 - shared by sort and argsort
    call(array(7, distinct=True)),
    call(array(3, 5, distinct=True), 0),
    call(array(2, 4, 3, distinct=True), 1, True),
    call(array(distinct=True)),
    call(array(0, 3), 0),
    call(array(4, 6, distinct=True, strided=True), -1),
]


@public(samples=_SAMPLES)
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Return the elements in order along `dim` and the int64 positions that they had.

    NaN is the largest.  Equal elements always keep their order, whatever `stable` says.

    >>> import rustorch
    >>> values, indices = rustorch.sort(rustorch.tensor([3, 1, 2]))
    >>> values, indices
    (tensor([1, 2, 3]), tensor([1, 2, 0]))
    """
    values, indices, _ = ordered("sort", input, dim, descending)
    return ValuesAndIndices(reshape(values, input.shape), reshape(indices, input.shape))


@public(differentiable=False, samples=_SAMPLES)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the int64 positions that put the elements in order along `dim`; see :func:`sort`."""
    x, axis = _operand("argsort", input, dim)
    _, indices = sort_op(x.detach(), dim=axis, descending=bool(descending))
    return reshape(indices, input.shape)


def _check_count(name: str, k: Any, low: int, size: int) -> None:
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise ArgumentTypeError(f"{name}: k must be an integer, got {type(k).__name__}")
    if not low <= k <= size:
        raise OutOfBoundsError(f"{name}: k must be in [{low}, {size}], the size of the dim, got {k}")


@public(
    samples=lambda: [
        call(array(7, distinct=True), 3),
        call(array(3, 5, distinct=True), 2, 0, False),
        call(array(3, 4, distinct=True), 0),
    ]
)
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return the `k` largest (or smallest) elements along `dim`, in order, and their positions.

    At ties the lower position comes first.  `sorted` is accepted; the result always is.
    """
    x, axis = _operand("topk", input, dim)
    _check_count("topk", k, 0, x.shape[axis])
    values, indices = (
        r.narrow(axis, 0, k).contiguous() for r in sort_op(x, dim=axis, descending=bool(largest))
    )
    if not input.shape and k == 1:
        values, indices = reshape(values, ()), reshape(indices, ())
    return ValuesAndIndices(values, indices)


def _at(values: Any, indices: Any, position: Any, axis: int, keepdim: bool, input: Any) -> ValuesAndIndices:
    """Return what stands at a position (a number, or one per row) of a sorted dim."""
    if isinstance(position, int):
        picked = [values.narrow(axis, position, 1), indices.narrow(axis, position, 1)]
    else:
        picked = [values.gather(axis, position), indices.gather(axis, position)]
    if not input.shape:
        return ValuesAndIndices(*(reshape(p, ()) for p in picked))
    return ValuesAndIndices(*(p if keepdim else p.squeeze(axis) for p in picked))


@public(samples=lambda: [call(array(7, distinct=True), 3), call(array(3, 5, distinct=True), 1, 0, True)])
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the `k`-th smallest element along `dim` (from 1) and its position."""
    values, indices, axis = ordered("kthvalue", input, dim)
    _check_count("kthvalue", k, 1, values.shape[axis])
    return _at(values, indices, int(k) - 1, axis, keepdim, input)


def _median(name: str, input: Any, dim: Any, keepdim: bool, ignore_nan: bool) -> Any:
    x: Any = input
    if dim is None and isinstance(input, TensorBase):
        x = reshape(x, (-1,))
    values, indices, axis = ordered(name, x, -1 if dim is None else dim)
    size = values.shape[axis]
    if size == 0:
        raise ShapeError(f"{name}: cannot reduce over a dimension of size 0, got shape {tuple(input.shape)}")
    position: Any = (size - 1) // 2
    if values.dtype.is_floating_point:  # NaN is sorted to the end
        nans = values.isnan().to(dtypes.int64).sum(axis, keepdim=True)
        among_others, first_nan = ((size - 1 - nans) // 2).maximum(0), size - nans
        position = among_others if ignore_nan else where(nans > 0, first_nan, position)
    found = _at(values, indices, position, axis, keepdim, x)
    return found.values if dim is None else found


@public(
    samples=lambda: [
        call(array(7, distinct=True)),
        call(array(3, 4, distinct=True)),
        call(array(3, 4, distinct=True), 1),
        call(array(3, 4, distinct=True), 0, True),
    ]
)
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of all elements, or with `dim` the pair (values, indices) along it.

    Of an even number it is the lower of the two in the middle.  NaN if there is one.
    """
    return _median("median", input, dim, keepdim, ignore_nan=False)


@public(samples=lambda: [call(array(7, distinct=True)), call(array(3, 4, distinct=True), 1)])
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median as :func:`median` does, leaving out NaN where there are other elements."""
    return _median("nanmedian", input, dim, keepdim, ignore_nan=True)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@public(
    samples=lambda: [
        call(array(7, distinct=True), 0.3),
        call(array(3, 5, distinct=True), 0.5, 1),
        call(array(3, 5, distinct=True), 0.9, 0, True),
        call(array(6, distinct=True), 0.3, interpolation="midpoint"),
    ]
)
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return the q-quantiles along `dim` (of all elements if None); NaN where there is a NaN.

    Args:
        input: a float32 or float64 tensor.
        q: a number in [0, 1], or a 1-d tensor of them, which adds a first dim to the result.
        dim: the dim, or None.
        keepdim: keep the reduced dim with size 1.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest", between two elements.
    """
    if interpolation not in _INTERPOLATIONS:
        raise ArgumentError(
            f"quantile: interpolation must be one of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}"
        )
    if not _is_floating(input):
        raise DTypeError("quantile: a floating-point tensor is required")
    levels: Any = q
    many = isinstance(q, TensorBase)
    if many and len(levels.shape) > 1:
        raise ShapeError(f"quantile: q must be a number or a 1-d tensor, got shape {tuple(levels.shape)}")
    wanted = reshape(levels, (-1,)).tolist() if many else [q]
    if not all(0 <= w <= 1 for w in wanted):
        raise ArgumentError(f"quantile: q must be between 0 and 1, got {wanted if many else q}")
    x: Any = reshape(input, (-1,)) if dim is None else input
    values, _, axis = ordered("quantile", x, 0 if dim is None else dim)
    size = values.shape[axis]
    if size == 0:
        raise ShapeError(
            f"quantile: cannot reduce over a dimension of size 0, got shape {tuple(input.shape)}"
        )
    nan = values.isnan().any(axis, keepdim=True)
    found = [where(nan, float("nan"), _between(values, w * (size - 1), axis, interpolation)) for w in wanted]
    if keepdim:
        found = [reshape(f, (1,) * len(input.shape)) if dim is None else f for f in found]
    else:
        found = [f.squeeze(axis) for f in found]
    if not input.shape:
        found = [reshape(f, ()) for f in found]
    return stack(found, 0) if many and levels.shape else found[0]


def _is_floating(x: Any) -> bool:
    return isinstance(x, TensorBase) and x.dtype.is_floating_point


def _between(values: Any, place: float, axis: int, interpolation: str) -> Any:
    low = int(place)
    part = place - low
    if interpolation == "nearest":
        return values.narrow(axis, round(place), 1)
    if part == 0 or interpolation == "lower":
        return values.narrow(axis, low, 1)
    if interpolation == "higher":
        return values.narrow(axis, low + 1, 1)
    part = 0.5 if interpolation == "midpoint" else part
    below, above = values.narrow(axis, low, 1), values.narrow(axis, low + 1, 1)
    return below + (above - below) * part if part < 0.5 else above - (above - below) * (1 - part)
