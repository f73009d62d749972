"""Elementwise functions of one operand."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rustorch.dtypes import BOOL, FLOAT, DType
from rustorch.ops import approximation
from rustorch.ops.elementwise import ANY, NUMERIC, REAL, boolean, elementwise, floating
from rustorch.ops.samples import unary
from rustorch.ops.select import where

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_AWAY_FROM_ZERO = {"low": 0.2, "high": 2.0}
_KINKED = {"distinct": True}
_LN2_BITS = 5678 / 8192
_LN2_REST = 3.1946184945309417232e-5


@elementwise(allowed=NUMERIC, samples=unary(), aliases=("negative",))
def neg(input: Tensor) -> Tensor:
    """Return -x."""
    if input.dtype.category < FLOAT:
        return 0 - input
    return (complex(-0.0, -0.0) if input.dtype.is_complex else -0.0) - input  # from 0.0 it makes -0.0


neg.vjp(lambda g, _out, _x: -g)


@elementwise(allowed=REAL - {0}, samples=unary(**_KINKED), aliases=("absolute",))
def abs_(input: Tensor) -> Tensor:
    """Return the absolute value; its derivative at 0 is 0."""
    return where(input < 0, 0 - input, 0 + input)  # 0 + -0.0 is 0.0


abs_.vjp(lambda g, _out, x: g * x.sign())


@elementwise(floating, primitive=True, samples=unary())
def exp(input: Tensor) -> Tensor:
    """Return e to the power x."""


exp.vjp(lambda g, out, _x: g * out)


@elementwise(floating, primitive=True, samples=unary(**_AWAY_FROM_ZERO))
def log(input: Tensor) -> Tensor:
    """Return the natural logarithm; NaN below 0, -inf at 0."""


log.vjp(lambda g, _out, x: g / x)


@elementwise(floating, primitive=True, samples=unary(**_AWAY_FROM_ZERO))
def sqrt(input: Tensor) -> Tensor:
    """Return the square root; NaN below 0."""


sqrt.vjp(lambda g, out, _x: g / (out * 2))


@elementwise(floating, primitive=True, samples=unary())
def sin(input: Tensor) -> Tensor:
    """Return the sine of x in radians."""


sin.vjp(lambda g, _out, x: g * x.cos())


@elementwise(floating, samples=unary())
def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return approximation.tanh(input)


@elementwise(hidden=True)
def tanh_backward(g: Tensor, out: Tensor) -> Tensor:
    """Return g (1 - out^2)."""
    return g * (1 - out * out)


tanh_backward.vjp(
    lambda h, _out, _g, y: h * (1 - y * y),
    lambda h, _out, g, y: h * g * y * -2,
)
tanh.vjp(lambda g, out, _x: tanh_backward(g, out))


@elementwise(floating, samples=unary())
def erf(input: Tensor) -> Tensor:
    """Return the error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return approximation.erf(input)


erf.vjp(lambda g, _out, x: g * (-x * x).exp() * (2 / math.sqrt(math.pi)))


@elementwise(allowed=REAL - {0}, primitive=True, samples=unary(**_KINKED))
def floor(input: Tensor) -> Tensor:
    """Return the largest integer not above x."""


floor.vjp(lambda g, _out, _x: g * 0)


@elementwise(allowed=REAL - {0}, samples=unary(**_KINKED))
def ceil(input: Tensor) -> Tensor:
    """Return the smallest integer not below x."""
    return -((-input).floor())


ceil.vjp(lambda g, _out, _x: g * 0)


@elementwise(allowed=REAL - {0}, samples=unary(**_KINKED))
def round_(input: Tensor) -> Tensor:
    """Return the nearest integer, halves to the even one."""
    low = input.floor()
    rest = input - low
    half = low * 0.5 if low.dtype.category == FLOAT else low.bitwise_right_shift(1)
    odd = half.floor() * 2 != low
    return low + ((rest > 0.5) | ((rest == 0.5) & odd)).to(input.dtype)


round_.vjp(lambda g, _out, _x: g * 0)


@elementwise(allowed=REAL - {0}, samples=unary(**_KINKED), aliases=("fix",))
def trunc(input: Tensor) -> Tensor:
    """Return x without its fraction."""
    return input.sign() * input.abs().floor()


trunc.vjp(lambda g, _out, _x: g * 0)


@elementwise(samples=unary(**_KINKED))
def frac(input: Tensor) -> Tensor:
    """Return x - trunc(x)."""
    return input - input.trunc()


frac.vjp(lambda g, _out, _x: g)


@elementwise(samples=unary(**_KINKED), aliases=("sgn",))
def sign(input: Tensor) -> Tensor:
    """Return -1, 0 or 1; NaN stays 0, as in PyTorch."""
    if input.dtype.category == BOOL:
        return input != 0
    return (input > 0).to(input.dtype) - (input < 0).to(input.dtype)


sign.vjp(lambda g, _out, _x: g * 0)


@elementwise(floating, samples=unary(**_AWAY_FROM_ZERO))
def reciprocal(input: Tensor) -> Tensor:
    """Return 1/x."""
    return 1 / input


reciprocal.vjp(lambda g, out, _x: -g * out * out)


@elementwise(floating, samples=unary(**_AWAY_FROM_ZERO))
def rsqrt(input: Tensor) -> Tensor:
    """Return 1/sqrt(x)."""
    return 1 / input.sqrt()


rsqrt.vjp(lambda g, out, _x: g * out * out * out * -0.5)


@elementwise(samples=unary())
def square(input: Tensor) -> Tensor:
    """Return x^2."""
    return input * input


square.vjp(lambda g, _out, x: g * x * 2)


@cache
def _half_pi(dtype: DType) -> tuple[float, float]:
    """Return pi/2 as a number of the dtype and what is left of it."""
    high = float(np.array(math.pi / 2).astype(dtype.numpy))
    return high, math.pi / 2 - high + (6.123233995736766e-17 if high == math.pi / 2 else 0.0)


@elementwise(floating, samples=unary())
def cos(input: Tensor) -> Tensor:
    """Return the cosine of x in radians."""
    # sin(pi/2 - |x|), with pi/2 in two parts, is right also where the result is nearly 0
    size = input.abs()
    high, low = _half_pi(input.dtype)
    half = (size / 2).sin()
    return where(size < 4, ((high - size) + low).sin(), 1 - 2 * half * half)


cos.vjp(lambda g, _out, x: -g * x.sin())


@elementwise(floating, samples=unary(low=-1.0, high=1.0))
def tan(input: Tensor) -> Tensor:
    """Return the tangent of x in radians."""
    return input.sin() / input.cos()


tan.vjp(lambda g, out, _x: g * (1 + out * out))


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    total = x * coefficients[0] + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


# Taylor coefficients of atan(t)/t in t^2, highest first; |t| <= tan(pi/16) makes 12 terms enough.
_ATAN = tuple((-1) ** k / (2 * k + 1) for k in range(11, -1, -1))


@elementwise(floating, samples=unary(), aliases=("arctan",))
def atan(input: Tensor) -> Tensor:
    """Return the inverse tangent in radians."""
    size = input.abs()
    inverted = size > 1
    t = where(inverted, 1 / where(inverted, size, 1.0), size)
    # halve the angle twice: atan(t) = 2 atan(t / (1 + sqrt(1 + t^2)))
    for _ in range(2):
        t = t / (1 + (1 + t * t).sqrt())
    angle = 4 * t * _polynomial(t * t, _ATAN)
    return where(inverted, math.pi / 2 - angle, angle) * input.sign()


atan.vjp(lambda g, _out, x: g / (1 + x * x))


@elementwise(floating, samples=unary(low=-0.9, high=0.9), aliases=("arcsin",))
def asin(input: Tensor) -> Tensor:
    """Return the inverse sine in radians; NaN outside [-1, 1]."""
    return (input / (1 + ((1 - input) * (1 + input)).sqrt())).atan() * 2


asin.vjp(lambda g, _out, x: g * (1 - x * x).rsqrt())


@elementwise(floating, samples=unary(low=-0.9, high=0.9), aliases=("arccos",))
def acos(input: Tensor) -> Tensor:
    """Return the inverse cosine in radians; NaN outside [-1, 1]."""
    return 2 * ((1 - input) / (1 + input)).sqrt().atan()


acos.vjp(lambda g, _out, x: -g * (1 - x * x).rsqrt())


@elementwise(floating, samples=unary())
def sinh(input: Tensor) -> Tensor:
    """Return the hyperbolic sine."""
    size = input.abs()
    grown = size.clamp(max=1).expm1()
    half = (size / 2).exp()  # its square may overflow where half the square does not
    found = where(size < 1, (grown + grown / (grown + 1)) / 2, half / 2 * half - 0.5 / half / half)
    return where(input < 0, -found, found)


sinh.vjp(lambda g, _out, x: g * x.cosh())


@elementwise(floating, samples=unary())
def cosh(input: Tensor) -> Tensor:
    """Return the hyperbolic cosine."""
    return (input.exp() + (-input).exp()) / 2


cosh.vjp(lambda g, _out, x: g * x.sinh())


@elementwise(floating, samples=unary(**_AWAY_FROM_ZERO))
def log2(input: Tensor) -> Tensor:
    """Return the logarithm to base 2."""
    return input.log() / math.log(2)


log2.vjp(lambda g, _out, x: g / (x * math.log(2)))


@elementwise(floating, samples=unary(**_AWAY_FROM_ZERO))
def log10(input: Tensor) -> Tensor:
    """Return the logarithm to base 10."""
    return input.log() / math.log(10)


log10.vjp(lambda g, _out, x: g / (x * math.log(10)))


@elementwise(floating, samples=unary(low=-0.5, high=2.0))
def log1p(input: Tensor) -> Tensor:
    """Return log(1 + x), right also for small x."""
    # Kahan's correction: log(u) x / (u - 1) with u = 1 + x rounded
    u = 1 + input
    exact = (u == 1) | (u == math.inf)
    return where(exact, input, u.log() * (input / where(exact, u, u - 1)))


log1p.vjp(lambda g, _out, x: g / (1 + x))


@elementwise(floating, samples=unary())
def expm1(input: Tensor) -> Tensor:
    """Return exp(x) - 1, right also for small x."""
    # exp(x) - 1 = 2 tanh(x/2) / (1 - tanh(x/2)) has no cancellation near 0
    half = (input / 2).tanh()
    return where(input.abs() < 1, 2 * half / (1 - half), input.exp() - 1)


expm1.vjp(lambda g, out, _x: g * (out + 1))


@elementwise(floating, samples=unary())
def exp2(input: Tensor) -> Tensor:
    """Return 2 to the power x."""
    # exp(n ln 2) exp(f ln 2) with n whole; n times the first 13 bits of ln 2 is exact
    whole = input.floor()
    part = where(whole == input, 0.0, input - whole)
    return (whole * _LN2_BITS).exp() * (whole * _LN2_REST + part * math.log(2)).exp()


exp2.vjp(lambda g, out, _x: g * out * math.log(2))


@elementwise(boolean, samples=unary(), allowed=ANY)
def isnan(input: Tensor) -> Tensor:
    """Return where x is NaN."""
    return input != input  # noqa: PLR0124 - NaN is the only value that differs from itself


@elementwise(boolean, samples=unary())
def isinf(input: Tensor) -> Tensor:
    """Return where x is inf or -inf."""
    return (input == math.inf).bitwise_or(input == -math.inf)


@elementwise(boolean, samples=unary())
def isfinite(input: Tensor) -> Tensor:
    """Return where x is neither infinite nor NaN."""
    return input.isinf().bitwise_or(input.isnan()).logical_not()


@elementwise(boolean, samples=unary())
def logical_not(input: Tensor) -> Tensor:
    """Return where x is zero (or False)."""
    return input == 0


for _test in (isnan, isinf, isfinite, logical_not):
    _test.constant()
