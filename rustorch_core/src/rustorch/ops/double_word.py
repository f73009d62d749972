"""Arithmetic with a second word for what rounding took away, on ``+ - *`` and ``/`` alone.

A number is the unevaluated sum of a high and a low tensor of one float dtype.  Every step is an op
of its own, so no compiler can fuse or reorder what must be rounded in between.  Source: Dekker, "A
floating-point technique for extending the available precision", Numerische Mathematik 18 (1971).
"""

from __future__ import annotations

from typing import Any

from rustorch import dtypes

#: dtype -> 2^ceil(p / 2) + 1 for a significand of p bits, which cuts it into two halves.
_SPLITTERS = {dtypes.float32: 2.0**12 + 1, dtypes.float64: 2.0**27 + 1}


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded sum and its error, exactly (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def ordered_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded sum and its error, exactly where ``|a| >= |b|``."""
    total = a + b
    return total, b - (total - a)


def halves(a: Any) -> tuple[Any, Any]:
    """Return two numbers of half the significand that add up to `a`."""
    scaled = a * _SPLITTERS[a.dtype]
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded product and its error, exactly unless it overflows or underflows."""
    product = a * b
    a1, a2 = halves(a)
    b1, b2 = (a1, a2) if b is a else halves(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def horner(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return the value of a polynomial at `x`; the coefficient of the highest power comes first."""
    first, second, *others = coefficients
    total = (x if first == 1.0 else x * first) + second
    for coefficient in others:
        total = total * x + coefficient
    return total
