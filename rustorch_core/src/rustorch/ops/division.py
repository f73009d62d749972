"""Division rounded down and its remainder, exact for every dtype: their decompositions."""

from __future__ import annotations

import math
from typing import Any

from rustorch import dtypes
from rustorch.dtypes import FLOAT, DType
from rustorch.ops.double_word import two_product
from rustorch.ops.elementwise import known_number
from rustorch.ops.select import where


def floor_divide(a: Any, b: Any) -> Any:
    """Return the quotient rounded down."""
    if a.dtype.category < FLOAT:
        return _of_integers("floor_divide", a, b)[0]
    wide = _wide(a)
    if wide is not a.dtype:
        return floor_divide(a.to(wide), b.to(wide)).to(a.dtype)
    rest = _float_rest(a, b)
    quotient = a / b
    whole = _nearest(quotient - rest / b) - _signs_differ(rest, b).to(a.dtype)
    return where(b == 0, quotient, where(whole == 0, quotient * 0.0, whole))  # a zero with its sign


def remainder(a: Any, b: Any) -> Any:
    """Return what is left of `a`; it has the sign of `b`."""
    if a.dtype.category < FLOAT:
        return _of_integers("remainder", a, b)[1]
    wide = _wide(a)
    if wide is not a.dtype:
        return remainder(a.to(wide), b.to(wide)).to(a.dtype)
    rest = _float_rest(a, b)
    return where(_signs_differ(rest, b), rest + b, rest)


def _signs_differ(rest: Any, b: Any) -> Any:
    return (rest != 0) & ((rest < 0) != (b < 0))


# -- floats ----------------------------------------------------------------------------------------


def _wide(x: Any) -> DType:
    """Return the dtype to compute in: float64 where the device has it, else at least float32."""
    return dtypes.float64 if "float64" in x.device.info.dtypes else dtypes.float32


#: dtype -> (bits of the significand, a power of two whose square spans most exponents, what is too large to split)
_FORMATS = {dtypes.float32: (24, 2.0**90, 2.0**100), dtypes.float64: (53, 2.0**700, 2.0**900)}


def _nearest(x: Any) -> Any:
    """Return the nearest whole number; what has no room for a fraction is one already."""
    return where(x.abs() < 2.0 ** (_FORMATS[x.dtype][0] - 1), (x + 0.5).floor(), x)


def _float_rest(a: Any, b: Any) -> Any:
    """Return a number smaller than `|b|` that differs from `a` by a multiple of `b`, exactly."""
    size = b.abs()
    defined = (size > 0) & (size < math.inf) & a.isfinite()
    large = a.abs() > _FORMATS[a.dtype][2]  # scaled down for a first step, by `b` or by 2^120 times it
    near = where(size < 2.0**-60, size * 2.0**60, size * 2.0**-60)
    begun = where(large, _reduced(a * 2.0**-60, near, defined & large) * 2.0**60, a)
    rest = _reduced(begun, size, defined)
    rest = where((b == 0) | a.isinf(), math.nan, rest)
    return where(b != b, b, rest)  # noqa: PLR0124 - NaN is the only value that differs from itself


def _reduced(rest: Any, size: Any, wanted: Any) -> Any:
    """Subtract multiples of `size` until what is left is smaller, where `wanted`.

    A quotient rounded to the p bits of the dtype leaves a rest that has p bits as well, so it is found
    without error.  One round is enough unless `rest` is more than 2^p times `size`; the device is asked.
    """
    scale = _FORMATS[rest.dtype][1]
    todo = wanted & (rest.abs() >= size)
    while bool(todo.any()):
        divisor = size
        for _ in range(2):  # a multiple of `size`, so that the quotient is finite
            divisor = where(rest.abs() / scale > divisor, divisor * scale, divisor)
        divisor = where(todo, divisor, 1.0)
        whole = _nearest(rest / divisor)
        product, error = two_product(whole, divisor)
        rest = where(todo, (rest - product) - error, rest)
        todo = wanted & (rest.abs() >= size)
    return rest


# -- integers --------------------------------------------------------------------------------------


def _of_integers(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Return the quotient rounded down and the remainder."""
    number = known_number(b)
    if number is not None and number > 0 and number & (number - 1) == 0:
        return a.bitwise_right_shift(number.bit_length() - 1), a.bitwise_and(number - 1)
    if not number and bool((b == 0).any()):
        raise ZeroDivisionError(f"{name}: integer division by zero")
    bits = a.dtype.itemsize * 8
    real = dtypes.float64 if "float64" in a.device.info.dtypes else dtypes.float32
    precision = 53 if real is dtypes.float64 else 24
    # the largest float that the integers can hold: it is short by the bits that the float does not have
    limit = 2.0 ** (bits - 1) - 2.0 ** max(bits - 1 - precision, 0) if a.dtype.is_signed else 2.0**bits - 1
    divisor = b.to(real)
    quotient, rest = None, a
    for _ in range(math.ceil(bits / (precision - 2))):  # each round finds that many bits of the quotient
        estimate = (rest.to(real) / divisor).floor()
        step = where(estimate > limit, limit, where(estimate < -limit, -limit, estimate)).to(a.dtype)
        quotient = step if quotient is None else quotient + step
        rest = rest - step * b
    # the last estimate may be off by one either way
    outside = where(b < 0, rest <= b, rest >= b)
    quotient, rest = quotient + outside.to(a.dtype), where(outside, rest - b, rest)
    below = _signs_differ(rest, b)
    return quotient - below.to(a.dtype), where(below, rest + b, rest)
