"""Activations made of straight pieces.  At a kink the derivative is PyTorch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.dtypes import FLOAT, INT
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.elementwise import elementwise
from rustorch.ops.fronts import inplace_option
from rustorch.ops.movement import reshape
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, unary
from rustorch.ops.select import where

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

NUMBERS = frozenset({INT, FLOAT})
ONLY_FLOAT = frozenset({FLOAT})
_KINKED = unary(distinct=True)
_WIDE = unary(distinct=True, low=-8.3, high=8.7)


@elementwise(allowed=NUMBERS, samples=_KINKED, partner="relu_backward", front=inplace_option)
def relu(input: Tensor) -> Tensor:
    """Return max(x, 0)."""
    return input.maximum(0)


@elementwise(hidden=True)
def relu_backward(g: Tensor, out: Tensor) -> Tensor:
    """Return g where the result was positive, else 0."""
    return where(out <= 0, 0, g)


relu_backward.vjp(lambda h, _out, _g, y: relu_backward(h, y), None)
relu.vjp(lambda g, out, _x: relu_backward(g, out))


@elementwise(
    allowed=ONLY_FLOAT, method=False, samples=_KINKED, partner="leaky_relu_backward", front=inplace_option
)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x where it is positive, else negative_slope * x (Maas et al., 2013)."""
    return where(input > 0, input, input * negative_slope)


@elementwise(hidden=True)
def leaky_relu_backward(g: Tensor, x: Tensor, negative_slope: float) -> Tensor:
    """Return g where x is positive, else negative_slope * g."""
    return where(x > 0, g, g * negative_slope)


leaky_relu_backward.vjp(
    lambda h, _out, _g, x, *, negative_slope: leaky_relu_backward(h, x, negative_slope=negative_slope), None
)
leaky_relu.vjp(lambda g, _out, x, *, negative_slope: leaky_relu_backward(g, x, negative_slope=negative_slope))


@elementwise(allowed=NUMBERS, method=False, samples=_KINKED, front=inplace_option)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Return x limited to [min_val, max_val]; its derivative at the limits is 0."""
    return input.clamp(min_val, max_val)


def _outside(x: Any, low: float, high: float) -> Any:
    return (x <= low).logical_or(x >= high)


hardtanh.vjp(lambda g, _out, x, *, min_val, max_val: where(_outside(x, min_val, max_val), 0, g))


@elementwise(allowed=NUMBERS, method=False, samples=_WIDE, front=inplace_option)
def relu6(input: Tensor) -> Tensor:
    """Return x limited to [0, 6]."""
    return input.clamp(0, 6)


relu6.vjp(lambda g, _out, x: where(_outside(x, 0, 6), 0, g))


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_WIDE, front=inplace_option)
def hardsigmoid(input: Tensor) -> Tensor:
    """Return clamp(x + 3, 0, 6) / 6 (Howard et al., 2019)."""
    return (input + 3).clamp(0, 6) / 6


hardsigmoid.vjp(lambda g, _out, x: where((x > -3).logical_and(x < 3), g / 6, 0))


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_WIDE, front=inplace_option)
def hardswish(input: Tensor) -> Tensor:
    """Return x clamp(x + 3, 0, 6) / 6 (Howard et al., 2019)."""
    return input * (input + 3).clamp(0, 6) / 6


hardswish.vjp(lambda g, _out, x: where(x <= -3, 0, where(x < 3, g * (x / 3 + 0.5), g)))


@elementwise(
    method=False,
    samples=lambda: [call(array(3, 4, distinct=True), 0.3, -1.0), call(array(distinct=True), 0.1, 20)],
    front=inplace_option,
)
def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """Return x where it exceeds the threshold, else `value`."""
    return where(input <= threshold, value, input).to(input.dtype)


threshold.vjp(lambda g, _out, x, *, threshold, value: where(x <= threshold, 0, g))


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_KINKED)
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x where |x| > lambd, else 0."""
    return where(input.abs() <= lambd, 0, input)


hardshrink.vjp(lambda g, _out, x, *, lambd: where(x.abs() <= lambd, 0, g))


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_KINKED)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x moved towards 0 by lambd, and 0 where |x| <= lambd."""
    # NaN stays NaN: it is not in the limits that are subtracted
    return input - input.clamp(-lambd, lambd)


softshrink.vjp(lambda g, _out, x, *, lambd: where(x.abs() <= lambd, 0, g))


@public(
    samples=lambda: [
        call(array(2, 3, 4, distinct=True), array(3)),
        call(array(5, distinct=True), array(1)),
        call(array(2, 3, distinct=True), array()),
        call(array(distinct=True), array(1)),
    ]
)
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x where it is positive, else weight * x (He et al., 2015).

    Args:
        input: (N, C, ...), or fewer dims.
        weight: one slope per channel (C,), or a single one.

    Raises:
        ShapeError: if there is not one slope, nor one per channel.
    """
    for x in (input, weight):
        if not hasattr(x, "shape"):
            raise ArgumentTypeError(f"prelu: tensors are required, got {type(x).__name__}")
    if weight.dtype is not input.dtype:
        raise DTypeError(
            f"prelu: one dtype is required, got input {input.dtype.name} and weight {weight.dtype.name}"
        )
    count = weight.shape.elements
    if len(weight.shape) > 1:
        raise ShapeError(f"prelu: the weight must have at most 1 dim, got shape {tuple(weight.shape)}")
    slope: Any = reshape(weight, ()) if count == 1 else weight
    if count != 1:
        channels = input.shape[1] if len(input.shape) > 1 else 1
        if channels != count:
            raise ShapeError(f"prelu: one slope or one per channel ({channels}) is required, got {count}")
        slope = reshape(weight, (count,) + (1,) * (len(input.shape) - 2))
    return where(input > 0, input, input * slope)


@public(
    method=False,
    tags=("random",),
    samples=lambda: [
        call(array(3, 4, distinct=True)),
        call(array(3, 4, distinct=True), 0.1, 0.4, training=True),
    ],
)
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Any = None,
) -> Tensor:
    """Return x where it is positive, else a slope times x (Xu et al., 2015).

    Args:
        input: a floating-point tensor.
        lower: smallest slope.
        upper: largest slope.
        training: draw a slope per element; otherwise it is the mean of the limits.
        inplace: replace the input's elements.
        generator: where random numbers come from; the default one if None.
    """
    if lower > upper:
        raise ArgumentError(f"rrelu: lower must not exceed upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace=inplace)
    slopes = input.new_empty(input.shape).uniform_(lower, upper, generator=generator)
    factor = where(input > 0, 1, slopes).to(input.dtype)
    return input.mul_(factor) if inplace else input * factor
