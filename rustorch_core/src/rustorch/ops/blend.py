"""Formulas of a few operands: interpolation, products added up, differences, replaced NaN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.elementwise import elementwise, floating
from rustorch.ops.joining import cat
from rustorch.ops.public import public
from rustorch.ops.samples import array, binary, call
from rustorch.ops.select import where
from rustorch.shape import normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_POSITIVE = {"low": 0.3, "high": 2.0}


@elementwise(floating, samples=binary(_POSITIVE, _POSITIVE))
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """Return sqrt(input^2 + other^2), without overflow on the way."""
    a: Any = input.abs()
    b: Any = other.abs()
    high, low = a.maximum(b), a.minimum(b)
    ratio = where((high == 0) | (low == math.inf), 1.0, low / high)
    result: Tensor = high * (1 + ratio * ratio).sqrt()
    return where((a == math.inf) | (b == math.inf), math.inf, result)  # also beside NaN


hypot.vjp(lambda g, out, a, _b: g * a / out, lambda g, out, _a, b: g * b / out)


@public(
    samples=lambda: [
        call(array(3, 4), array(3, 4), 0.3),
        call(array(3, 4), array(4), array(3, 1)),
        call(array(5), array(5), 0.75),
        call(array(0), array(0), 0.5),
    ]
)
def lerp(input: Tensor, end: Tensor, weight: float | Tensor) -> Tensor:
    """Return ``input + weight * (end - input)``; `weight` is a number or a tensor, and all broadcast."""
    gap = end - input
    # from the nearer end, so that the weights 0 and 1 give the ends exactly
    if isinstance(weight, TensorBase):
        return where(weight.abs() < 0.5, input + weight * gap, end - gap * (1 - weight))
    return input + gap * weight if abs(weight) < 0.5 else end - gap * (1 - weight)


@public(
    samples=lambda: [
        call(array(3, 4), array(3, 4), array(4)),
        call(array(3, 4), array(3, 1), array(4), value=0.5),
    ]
)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``; all broadcast."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


@public(
    samples=lambda: [
        call(array(3, 4), array(3, 4), array(4, low=0.5, high=2.0)),
        call(array(3, 4), array(3, 1), array(4, low=0.5, high=2.0), value=-0.5),
    ]
)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``; all broadcast.

    Raises:
        DTypeError: if both divided tensors are integers.
    """
    if tensor1.dtype.category < dtypes.FLOAT and tensor2.dtype.category < dtypes.FLOAT:
        raise DTypeError(
            f"addcdiv: floating-point tensors are required, got {tensor1.dtype.name} and {tensor2.dtype.name}"
        )
    return input + (tensor1 if value == 1 else tensor1 * value) / tensor2


def _extremes(dtype: Any) -> tuple[float, float]:
    """Return the smallest and the largest finite number of a floating-point dtype."""
    if dtype is dtypes.bfloat16:  # NumPy knows no bfloat16
        return -float.fromhex("0x1.fep127"), float.fromhex("0x1.fep127")
    info = np.finfo(dtype.numpy)
    return float(info.min), float(info.max)


@public(samples=lambda: [call(array(3, 4)), call(array(5), 1.0, 2.0, 3.0), call(array(0))])
def nan_to_num(
    input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Return `input` with NaN, inf and -inf replaced; infinities by the dtype's extremes if None."""
    if not input.dtype.is_floating_point:
        return input.clone()
    low, high = _extremes(input.dtype)
    result = where(input.isnan(), nan, input)
    result = where(input == math.inf, high if posinf is None else posinf, result)
    return where(input == -math.inf, low if neginf is None else neginf, result)


@public(
    samples=lambda: [
        call(array(6)),
        call(array(3, 5), 2),
        call(array(3, 5), 1, 0),
        call(array(3, 5), prepend=array(3, 1), append=array(3, 2)),
        call(array(1)),
    ]
)
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the n-th differences ``x[i + 1] - x[i]`` along `dim`, after joining `prepend` and `append`."""
    if not input.shape:
        raise ShapeError("diff: at least one dim is required, got a 0-d tensor")
    order: Any = n
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise ArgumentTypeError(f"diff: n must be an integer of at least 0, got {n!r}")
    axis = normalize_dim("diff", dim, len(input.shape))
    parts = [x for x in (prepend, input, append) if x is not None]
    x: Any = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[axis])):  # then nothing is left
        size = max(x.shape[axis] - 1, 0)
        above, below = x.narrow(axis, x.shape[axis] - size, size), x.narrow(axis, 0, size)
        x = above ^ below if x.dtype is dtypes.bool_ else above - below
    return x
