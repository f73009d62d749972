"""Elementwise functions of two or more operands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError
from rustorch.ops import division
from rustorch.ops.elementwise import ANY, INTEGER, REAL, boolean, elementwise, floating
from rustorch.ops.powers import power
from rustorch.ops.samples import binary, integers
from rustorch.ops.select import where

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_POSITIVE = {"low": 0.3, "high": 2.0}
_KINKED = {"distinct": True}


def _scaled(function: Any) -> Any:
    """Give a function PyTorch's `alpha`, the factor of the second operand."""

    def scaled(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
        return function(input, other if alpha == 1 else other * alpha, out=out)

    return scaled


def _rounded(function: Any) -> Any:
    """Give division PyTorch's `rounding_mode`: None, "floor" or "trunc"."""

    def divide(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
        if rounding_mode is None:
            return function(input, other, out=out)
        if rounding_mode == "floor":
            return floor_divide(input, other, out=out)
        if rounding_mode != "trunc":
            raise ArgumentError(f"div: rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
        quotient = floor_divide(input, other)
        # rounding down and towards zero differ by one where the quotient is negative and not whole
        up = (quotient < 0).logical_and(quotient * other != input)
        return add(quotient, up.to(quotient.dtype), out=out)

    return divide


@elementwise(primitive=True, allowed=ANY, samples=binary(), front=_scaled)
def add(input: Tensor, other: Tensor) -> Tensor:
    """Return input + other (logical or for bools)."""


add.vjp(lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: g)


@elementwise(primitive=True, allowed=ANY - {0}, samples=binary(), aliases=("subtract",), front=_scaled)
def sub(input: Tensor, other: Tensor) -> Tensor:
    """Return input - other."""


sub.vjp(lambda g, _out, _a, _b: g, lambda g, _out, _a, _b: -g)


@elementwise(primitive=True, allowed=ANY, samples=binary(), aliases=("multiply",))
def mul(input: Tensor, other: Tensor) -> Tensor:
    """Return input * other (logical and for bools)."""


mul.vjp(lambda g, _out, _a, b: g * b, lambda g, _out, a, _b: g * a)


@elementwise(
    floating,
    primitive=True,
    allowed=ANY,
    samples=binary(None, _POSITIVE),
    aliases=("divide", "true_divide"),
    front=_rounded,
)
def div(input: Tensor, other: Tensor) -> Tensor:
    """Return input / other; integers are divided as floats."""


div.vjp(lambda g, _out, _a, b: g / b, lambda g, _out, a, b: -g * a / (b * b))


@elementwise(allowed=REAL - {0}, samples=binary(_KINKED, _POSITIVE))
def floor_divide(input: Tensor, other: Tensor) -> Tensor:
    """Return the quotient rounded down.

    Raises:
        ZeroDivisionError: if an integer is divided by zero.
    """
    return division.floor_divide(input, other)


floor_divide.constant()


@elementwise(allowed=REAL - {0}, samples=binary(_KINKED, _POSITIVE))
def remainder(input: Tensor, other: Tensor) -> Tensor:
    """Return input - other * floor(input / other): the sign is that of `other`."""
    return division.remainder(input, other)


remainder.vjp(lambda g, _out, _a, _b: g, lambda g, _out, a, b: -g * a.floor_divide(b))


@elementwise(samples=binary(_KINKED, {"distinct": True, "low": -1.9, "high": 1.8}))
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger element; NaN if one is NaN.  Where they are equal the gradient is halved."""
    keep = other.lt(input).bitwise_or(input.ne(input))  # a NaN of `other` is less than nothing
    return where(keep, input, other)


maximum.vjp(
    lambda g, _out, a, b: g * ((a > b).to(g.dtype) + (a == b).to(g.dtype) * 0.5),
    lambda g, _out, a, b: g * ((b > a).to(g.dtype) + (a == b).to(g.dtype) * 0.5),
)


@elementwise(samples=binary(_KINKED, {"distinct": True, "low": -1.9, "high": 1.8}))
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller element; NaN if one is NaN.  Where they are equal the gradient is halved."""
    keep = input.lt(other).bitwise_or(input.ne(input))
    return where(keep, input, other)


minimum.vjp(
    lambda g, _out, a, b: g * ((a < b).to(g.dtype) + (a == b).to(g.dtype) * 0.5),
    lambda g, _out, a, b: g * ((b < a).to(g.dtype) + (a == b).to(g.dtype) * 0.5),
)


@elementwise(allowed=REAL - {0}, samples=binary(_POSITIVE, None))
def pow_(input: Tensor, other: Tensor) -> Tensor:
    """Return input to the power other."""
    return power(input, other)


def _pow_base(g: Any, _out: Any, a: Any, b: Any) -> Any:
    # 0^0 = 1 has derivative 0, where b a^(b-1) would give 0 * inf
    return g * where(b == 0, 0.0, b * a.pow(where(b == 0, 1.0, b - 1)))


def _pow_exponent(g: Any, out: Any, a: Any, _b: Any) -> Any:
    # 0^b has derivative 0 with respect to b, where log(0) would give -inf * 0
    return g * out * where(a == 0, 0.0, where(a == 0, 1.0, a).log())


pow_.vjp(_pow_base, _pow_exponent)


@elementwise(primitive=True, allowed=INTEGER, samples=integers(2))
def bitwise_and(input: Tensor, other: Tensor) -> Tensor:
    """Return the bits set in both; logical and for bools."""


@elementwise(primitive=True, allowed=INTEGER, samples=integers(2))
def bitwise_or(input: Tensor, other: Tensor) -> Tensor:
    """Return the bits set in either; logical or for bools."""


@elementwise(primitive=True, allowed=INTEGER, samples=integers(2))
def bitwise_xor(input: Tensor, other: Tensor) -> Tensor:
    """Return the bits set in exactly one; logical xor for bools."""


@elementwise(allowed=INTEGER, samples=integers(1))
def bitwise_not(input: Tensor) -> Tensor:
    """Return the complement of every bit; logical not for bools."""
    return (
        input.logical_not()
        if input.dtype.category == 0
        else input.bitwise_xor(-1 if input.dtype.is_signed else 255)
    )


@elementwise(primitive=True, allowed=INTEGER - {0}, samples=integers(2, low=0))
def bitwise_left_shift(input: Tensor, other: Tensor) -> Tensor:
    """Return input shifted to the left by `other` bits."""


@elementwise(primitive=True, allowed=INTEGER - {0}, samples=integers(2, low=0))
def bitwise_right_shift(input: Tensor, other: Tensor) -> Tensor:
    """Return input shifted to the right by `other` bits, keeping its sign."""


@elementwise(floating, samples=binary(_POSITIVE, _POSITIVE), aliases=("arctan2",))
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle of the point (other, input) in radians, in (-pi, pi]."""
    slope = (input / other).abs()
    slope = where(input == 0, 0.0, where(input.isinf() & other.isinf(), 1.0, slope))
    angle = slope.atan()
    angle = where(_negative(other), math.pi - angle, angle)
    return where(other.isnan(), other, where(_negative(input), -angle, angle))


def _negative(x: Tensor) -> Tensor:
    """Return whether numbers have a minus sign, -0.0 included."""
    return where(x == 0, 1 / x, x) < 0


atan2.vjp(
    lambda g, _out, a, b: g * b / (a * a + b * b),
    lambda g, _out, a, b: -g * a / (a * a + b * b),
)


# -- comparisons -----------------------------------------------------------------------------------


@elementwise(boolean, primitive=True, samples=binary())
def lt(input: Tensor, other: Tensor) -> Tensor:
    """Return where input < other."""


@elementwise(boolean, primitive=True, allowed=ANY, samples=binary())
def eq(input: Tensor, other: Tensor) -> Tensor:
    """Return where input equals other."""


@elementwise(boolean, allowed=ANY, samples=binary(), aliases=("not_equal",))
def ne(input: Tensor, other: Tensor) -> Tensor:
    """Return where input differs from other."""
    return input.eq(other).bitwise_xor(True)


@elementwise(boolean, samples=binary(), aliases=("greater",))
def gt(input: Tensor, other: Tensor) -> Tensor:
    """Return where input > other."""
    return other.lt(input)


@elementwise(boolean, samples=binary(), aliases=("less_equal",))
def le(input: Tensor, other: Tensor) -> Tensor:
    """Return where input <= other."""
    return input.lt(other).bitwise_or(input.eq(other))


@elementwise(boolean, samples=binary(), aliases=("greater_equal",))
def ge(input: Tensor, other: Tensor) -> Tensor:
    """Return where input >= other."""
    return other.lt(input).bitwise_or(input.eq(other))


@elementwise(boolean, samples=binary())
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Return where both are nonzero."""
    return input.ne(0).bitwise_and(other.ne(0))


@elementwise(boolean, samples=binary())
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Return where either is nonzero."""
    return input.ne(0).bitwise_or(other.ne(0))


@elementwise(boolean, samples=binary())
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Return where exactly one is nonzero."""
    return input.ne(0).bitwise_xor(other.ne(0))


for _test in (
    lt, eq, ne, gt, le, ge, logical_and, logical_or, logical_xor,
    bitwise_and, bitwise_or, bitwise_xor, bitwise_not, bitwise_left_shift, bitwise_right_shift,
):  # fmt: skip
    _test.constant()
