"""The power of floats and integers: its decomposition."""

from __future__ import annotations

import math
from typing import Any

from rustorch import dtypes
from rustorch.dtypes import FLOAT
from rustorch.ops.double_word import horner, ordered_sum, two_product, two_sum
from rustorch.ops.elementwise import known_number
from rustorch.ops.select import where


def power(a: Any, b: Any) -> Any:
    """Return ``a ** b``; small exponents written as numbers are multiplied out.

    Floats are within 2 units in the last place of the exact power where ``exp`` is within 1.
    """
    number = known_number(b)
    if a.dtype.category < FLOAT:
        return _of_integers(a, b, number)
    if number is not None and number in _SHORT:
        return _SHORT[number](a)
    wide = dtypes.float32 if a.dtype.itemsize == 2 else a.dtype
    if wide is a.dtype is dtypes.float32 and "float64" in a.device.info.dtypes:
        wide = dtypes.float64
    size, exponent = a.abs().to(wide), b.to(wide)
    plain = (exponent * size.log()).exp()
    if wide is a.dtype:  # too few bits for the plain way, whose error grows with the exponent
        plain = where((size == 0) | (size == math.inf), plain, _compensated(size, exponent))
    return _signed(plain.to(a.dtype), a, b)


def _signed(found: Any, a: Any, b: Any) -> Any:
    """Return the power of `a`, given that of `|a|`: C's rules for signs, ones, zeros and NaN."""
    whole = b.floor() == b
    odd = whole & ((b * 0.5).floor() != b * 0.5)
    below = (a < 0) | (1 / a < 0)  # -0.0 is below zero as well
    found = where((a == -1) & (b == b), 1.0, found)  # noqa: PLR0124 - not NaN; also where b is infinite
    found = where(below & odd, -found, found)
    found = where((a < 0) & (a != -math.inf) & whole.logical_not(), math.nan, found)
    return where((a == 1) | (b == 0), 1.0, where(b == 1, a, found))


def _root(x: Any) -> Any:
    return where(x == -math.inf, math.inf, x.sqrt() + 0.0)  # unlike sqrt, of -0.0 it is 0.0


def _inverse_square(x: Any) -> Any:
    inverse = 1 / x
    return inverse * inverse


#: exponent -> the power by other means
_SHORT: dict[Any, Any] = {
    1: lambda x: x,
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    -1: lambda x: 1 / x,
    -2: _inverse_square,
    0.5: _root,
    -0.5: lambda x: 1 / _root(x),
}


def _of_integers(a: Any, b: Any, number: Any) -> Any:
    """Return the power by repeated squaring; a negative one is 0 unless the base is 1 or -1."""
    result, square = None, a
    bits = a.dtype.itemsize * 8 - (1 if a.dtype.is_signed else 0)
    if number is not None and number >= 0:
        bits = min(bits, int(number).bit_length())
    one = a.new_ones(a.shape)
    for bit in range(bits):
        chosen = where(b.bitwise_right_shift(bit).bitwise_and(1) == 1, square, one)
        result = chosen if result is None else result * chosen
        square = square * square
    result = one if result is None else result
    if (number is not None and number >= 0) or not a.dtype.is_signed:
        return result
    odd = b.bitwise_and(1) == 1
    inverse = where(a == 1, 1, where(a == -1, where(odd, -1, 1), 0))
    return where(b < 0, inverse, result)


# -- with compensated rounding ---------------------------------------------------------------------

# log 2 in two parts; the upper one has so many trailing zeros that its product with an exponent is exact.
_LOG2 = {
    dtypes.float32: (6.93145752e-01, 1.4286068203094e-06),
    dtypes.float64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
_THIRD = {
    dtypes.float32: -9.934107758624577e-09,
    dtypes.float64: 1.850371707708594e-17,
}  # 1/3 less its rounding
_SERIES = {
    dtypes.float32: tuple(1.0 / k for k in range(15, 3, -2)),
    dtypes.float64: tuple(1.0 / k for k in range(27, 3, -2)),
}
#: dtype -> (half the exponents there are, how far denormals go below them, the largest exponent that matters)
_RANGES = {dtypes.float32: (64, 85, 2.0**40), dtypes.float64: (512, 562, 2.0**70)}


def _compensated(x: Any, b: Any) -> Any:
    """Return ``x ** b`` for finite ``x > 0``, with the logarithm and its product in two words."""
    half, _, limit = _RANGES[x.dtype]
    b = where(b > limit, limit, where(b < -limit, -limit, b))  # as large as infinite
    high, low = _log(x)
    y, error = two_product(b, high)
    error = error + b * low
    top = y > half  # half of the result there, lest exp overflows where the power does not
    upper, lower = _LOG2[x.dtype]
    grown = where(top, y - upper, y).exp()
    grown = where(grown == math.inf, grown, grown + grown * where(top, error - lower, error))
    return where(top, grown * 2.0, grown)


def _log(x: Any) -> tuple[Any, Any]:
    """Return the natural logarithm of finite ``x > 0`` in two words.

    ``log(m 2^e) = e log 2 + 2 (s + s^3/3 + s^5/5 + ...)`` with ``s = (m - 1) / (m + 1)``.
    """
    m, e = _significand(x)
    f = m - 1.0
    divisor, rest = ordered_sum(2.0, f)
    s = f / divisor
    product, error = two_product(s, divisor)
    s_low = (((f - product) - error) - s * rest) / divisor
    z, z_low = two_product(s, s)
    z_low = z_low + 2.0 * s * s_low
    third, third_low = ordered_sum(1.0 / 3.0, z * horner(_SERIES[x.dtype], z))
    third_low = third_low + _THIRD[x.dtype]
    p, p_low = two_product(z, third)
    p_low = p_low + (z * third_low + z_low * third)
    q, q_low = ordered_sum(1.0, p)
    q_low = q_low + p_low
    w, w_low = two_product(s, q)
    w_low = w_low + (s * q_low + s_low * q)
    upper, lower = _LOG2[x.dtype]
    high, low = two_sum(e * upper, 2.0 * w)
    return ordered_sum(high, low + (e * lower + 2.0 * w_low))


def _significand(x: Any) -> tuple[Any, Any]:
    """Return m in [sqrt(1/2), sqrt(2)) and e with ``x = m 2^e``; scaling by powers of two is exact."""
    half, deep, _ = _RANGES[x.dtype]
    small = x < 2.0**-half
    m, e = where(small, x * 2.0**deep, x), where(small, -float(deep), x * 0.0)
    small = m < 1.0
    m, e = where(small, m * 2.0**half, m), where(small, e - half, e)
    while half:  # m in [1, 2)
        large = m >= 2.0**half
        m, e = where(large, m * 2.0**-half, m), where(large, e + half, e)
        half //= 2
    large = m > math.sqrt(2)
    return where(large, m * 0.5, m), where(large, e + 1.0, e)
