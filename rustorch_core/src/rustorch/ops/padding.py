"""Growing and shrinking a tensor at its borders."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import Spec, TensorBase
from rustorch.dtypes import FLOAT
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.ops.blame import shown
from rustorch.ops.joining import cat
from rustorch.ops.movement import Geometry, place, view
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape, canonical_strides

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Sizes = tuple[int, ...]
MAX_SIZE = 2**31 - 1  # of windows, strides and results, so that sums of them are safe in a kernel


@view
def _box_rule(x: Any, *, starts: Sizes, sizes: Sizes, steps: Sizes) -> Geometry:
    """Take a box of elements: `sizes` of them per dim, from `starts`, `steps` apart."""
    shape = Shape(sizes)
    offset = x.offset + sum(a * s for a, s in zip(starts, x.strides, strict=True))
    return shape, canonical_strides(shape, [s * n for s, n in zip(x.strides, steps, strict=True)]), offset


_box_rule.vjp(
    lambda g, _out, _x, *, starts, sizes, steps: place(
        g, into=_x, where=_box_rule, how={"starts": starts, "sizes": sizes, "steps": steps}
    )
)


def box(x: Any, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int] | None = None) -> Any:
    """Return a view of `sizes` elements per dim; nothing is checked."""
    ones = (1,) * len(sizes)
    return _box_rule(
        x, starts=tuple(starts), sizes=tuple(sizes), steps=ones if steps is None else tuple(steps)
    )


def placed(x: Any, into: Sequence[int], starts: Sequence[int], steps: Sequence[int] | None = None) -> Any:
    """Return zeros of shape `into` with `x` written into the box that begins at `starts`."""
    steps = (1,) * len(x.shape) if steps is None else tuple(steps)
    how = {"starts": tuple(starts), "sizes": tuple(x.shape), "steps": steps}
    return place(x, into=Spec(Shape(into), x.dtype, x.device), where=_box_rule, how=how)


def grown(x: Any, before: Sequence[int], after: Sequence[int]) -> Any:
    """Return `x` with zeros added at both ends of its last dims; negative numbers cut off instead."""
    if not any(before) and not any(after):
        return x
    lead = len(x.shape) - len(before)
    before, after = (0,) * lead + tuple(before), (0,) * lead + tuple(after)
    if min(*before, *after, 0) < 0:
        starts = [max(-b, 0) for b in before]
        kept = [s + min(b, 0) + min(a, 0) for s, b, a in zip(x.shape, before, after, strict=True)]
        x = box(x, starts, kept)
    starts = [max(b, 0) for b in before]
    sizes = [b + s + max(a, 0) for b, s, a in zip(starts, x.shape, after, strict=True)]
    return placed(x, sizes, starts) if sizes != list(x.shape) else x


def per_dim(op: str, what: str, value: Any, ndim: int, low: int = 0) -> Sizes:
    """Return an integer, or a sequence of `ndim` of them, as a tuple; each at least `low`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * ndim
    if len(given) == 1:
        given *= ndim
    try:
        if any(isinstance(v, bool) for v in given):
            raise TypeError
        given = tuple([operator.index(v) for v in given])
    except TypeError:
        raise ArgumentTypeError(
            f"{op}: {what} must be an integer or {ndim} of them, got {shown(value)}"
        ) from None
    if len(given) != ndim or any(v < low for v in given):
        raise ArgumentError(f"{op}: {what} must be an integer >= {low}, or {ndim} of them, got {value!r}")
    if any(v > MAX_SIZE for v in given):
        raise ArgumentError(f"{op}: {what} must be below 2**31, got {shown(value)}")
    return given


def check_tensor(op: str, x: Any, what: str = "the input") -> None:
    """Raise unless `x` is a tensor."""
    if not isinstance(x, TensorBase):
        raise ArgumentTypeError(f"{op}: {what} must be a tensor, got {type(x).__name__}")


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), (1, 2)),
        call(array(3, 4), (1, 2, 0, 1), "constant", 1.5),
        call(array(2, 3, 4), (-1, 2, 1, -1)),
        call(array(2, 3, 4), (3, 2), mode="reflect"),
        call(array(1, 2, 3, 4), (1, 0, 2, 1), mode="reflect"),
        call(array(2, 3, 4), (5, 2), mode="replicate"),
        call(array(1, 2, 3, 4), (1, 0, 2, 1), mode="replicate"),
        call(array(2, 3, 4), (4, 2), mode="circular"),
        call(array(1, 2, 3, 4), (1, 0, 2, 1), mode="circular"),
        call(array(2, 0), (1, 1)),
    ],
)
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return the tensor with elements added at the ends of its last dims.

    Args:
        input: a tensor of any shape; (N, C, ...) or (C, ...) for modes other than "constant".
        pad: (left, right) for the last dim, then for the one before it, ...; a negative number cuts off.
        mode: "constant"; "reflect" (the border itself is not repeated), "replicate" or "circular".
        value: what to add in mode "constant"; 0 if None.

    Raises:
        ArgumentError, ShapeError: if the numbers do not come in pairs or do not fit the shape.

    >>> import rustorch
    >>> rustorch.pad(rustorch.tensor([1, 2, 3]), (1, 2), mode="constant", value=9)
    tensor([9, 1, 2, 3, 9, 9])
    """
    check_tensor("pad", input)
    if not isinstance(pad, (tuple, list)) or not all(hasattr(p, "__index__") for p in pad):
        raise ArgumentTypeError(f"pad: a sequence of integers is required, got {pad!r}")
    if any(abs(int(p)) > MAX_SIZE for p in pad):
        raise ArgumentError(f"pad: numbers below 2**31 are required, got {shown(pad)}")
    if len(pad) % 2 or len(pad) > 2 * len(input.shape):
        raise ArgumentError(
            f"pad: two numbers per dim are required, for at most {len(input.shape)} dims, got {tuple(pad)}"
        )
    if not isinstance(mode, str) or (mode not in _BORDERS and mode != "constant"):
        raise ArgumentError(
            f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}"
        )
    count = len(pad) // 2
    before, after = [int(p) for p in pad[0::2]][::-1], [int(p) for p in pad[1::2]][::-1]
    for b, a, size in zip(before, after, input.shape[len(input.shape) - count :], strict=True):
        if size + b + a < 0:
            raise ShapeError(
                f"pad: a size would become negative, got pad {tuple(pad)} for shape {tuple(input.shape)}"
            )
    if mode == "constant":
        _check_value(input, value)
        return _constant(input, before, after, value)
    if value is not None:
        raise ArgumentError(f"pad: a value belongs to mode 'constant', got {value} with mode {mode!r}")
    result: Any = input
    for i, (b, a) in enumerate(zip(before, after, strict=True)):
        if b or a:
            result = _bordered(result, len(input.shape) - count + i, b, a, mode)
    return result


def _check_value(x: Any, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, (bool, int, float)):
        raise ArgumentTypeError(f"pad: value must be a number, got {type(value).__name__}")
    if x.dtype.category < FLOAT and not math.isfinite(value):
        raise ArgumentError(f"pad: {value} cannot be stored in a {x.dtype.name} tensor")


def _constant(x: Any, before: list[int], after: list[int], value: Any) -> Any:
    result = grown(x, before, after)
    if result is x:
        return x.clone()
    if not value:
        return result
    background = result.new_full(result.shape, value)
    lead = len(x.shape) - len(before)
    starts = [0] * lead + [max(b, 0) for b in before]
    ends = [0] * lead + [max(a, 0) for a in after]
    inner = [max(s - b - e, 0) for s, b, e in zip(result.shape, starts, ends, strict=True)]
    box(background, starts, inner).fill_(0)
    return result + background


def _reflected(size: int, before: int, after: int) -> list[int]:
    if max(before, after) >= size:
        raise ShapeError(
            f"pad: reflection needs less than the size, got pad ({before}, {after}) for size {size}"
        )
    return [size - 1 - abs(size - 1 - abs(i)) for i in range(-before, size + after)]


def _replicated(size: int, before: int, after: int) -> list[int]:
    if size == 0 and (before > 0 or after > 0):
        raise ShapeError("pad: there is no border to replicate in a dim of size 0")
    return [min(max(i, 0), size - 1) for i in range(-before, size + after)]


def _circled(size: int, before: int, after: int) -> list[int]:
    if max(before, after) > size:
        raise ShapeError(f"pad: wrapping needs at most the size, got pad ({before}, {after}) for size {size}")
    return [i % size for i in range(-before, size + after)]


#: Which element of the dim each place of the padded dim shows.
_BORDERS = {"reflect": _reflected, "replicate": _replicated, "circular": _circled}


def _bordered(x: Any, dim: int, before: int, after: int, mode: str) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(f"pad: mode {mode!r} needs an input of 2 dims or more, got shape {tuple(x.shape)}")
    size = x.shape[dim]
    picks = _BORDERS[mode](size, before, after)
    left, right = max(before, 0), max(after, 0)
    middle = x.narrow(dim, max(-before, 0), size + min(before, 0) + min(after, 0))
    ends = [picks[:left], picks[len(picks) - right :]]
    first, last = (x.index_select(dim, x.new_tensor(p, dtype="int64")) if p else None for p in ends)
    return cat([part for part in (first, middle, last) if part is not None], dim)
