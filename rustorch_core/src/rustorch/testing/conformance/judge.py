"""How wrong a result is: in budgets and in units in the last place, with the worst element named."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rustorch.dtypes import FLOAT, DType
from rustorch.testing.conformance.numerics import Array, finfo_of, real_format, rounded, spacing

#: What flushing subnormal numbers to zero counts, in budgets: allowed, but no A.
FLUSHING = 2.0


@dataclass(frozen=True, slots=True)
class Error:
    """The error of one result."""

    budgets: float = 0.0
    ulp: float = 0.0
    message: str = ""

    def worse(self, other: Error) -> Error:
        """Return the larger of two errors."""
        return other if (other.budgets, other.ulp) > (self.budgets, self.ulp) else self


def judge(actual: Array, expected: Array, dtype: DType, allowed: Array | float | None) -> Error:
    """Compare a result with what the oracle computed.

    Args:
        actual: the result, read from the device.
        expected: the oracle's, in float64 or complex128 if `dtype` is floating point.
        dtype: of the result.
        allowed: the budget, an absolute error per element; None if the result is defined to the bit.
    """
    if actual.shape != expected.shape:
        return Error(math.inf, 0.0, f"expected shape {expected.shape}, got {actual.shape}")
    if actual.size == 0:
        return Error()
    if dtype.is_complex:
        actual, expected = _without_overflow(actual, expected, dtype)
        real = judge_real(actual.real, expected.real, dtype, allowed)
        return real.worse(judge_real(actual.imag, expected.imag, dtype, allowed))
    if dtype.category < FLOAT:
        return _exact(actual, expected, actual == expected)
    return judge_real(actual, expected, dtype, allowed)


def _without_overflow(actual: Array, expected: Array, dtype: DType) -> tuple[Array, Array]:
    """Return both with zeros where complex numbers overflow.

    C, annex G, leaves open which parts of such a number are infinite and which are NaN.
    """
    limit = finfo_of(real_format(dtype)).max
    over = np.maximum(np.abs(expected.real), np.abs(expected.imag)) > limit
    lost = over & ~(np.isfinite(actual.real) & np.isfinite(actual.imag))
    return np.where(lost, 0, actual), np.where(lost, 0, expected)


def _exact(actual: Array, expected: Array, good: Array, ulp: float = 0.0) -> Error:
    if good.all():
        return Error()
    return Error(math.inf, ulp, _at(int(np.argmin(good)), actual, expected, int((~good).sum())))


def judge_real(actual: Array, expected: Array, dtype: DType, allowed: Array | float | None) -> Error:
    """Compare real floating-point numbers; see `judge`."""
    nearest = rounded(expected, _real(dtype))
    same = (actual == nearest) | (np.isnan(actual) & np.isnan(nearest))
    if same.all():
        return Error()
    unit = spacing(expected, dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.where(same, 0.0, np.abs(actual - expected))
        ulps = away / unit
        if allowed is None:
            budgets = np.where(same, 0.0, math.inf)
        else:
            # an error of half a unit is none: rounding to the dtype may make it
            budgets = np.where(away <= 0.5 * unit, 0.0, away / np.maximum(allowed, 0.5 * unit))
    ends = _overflow(actual, expected, nearest, dtype)
    budgets = np.where(ends >= 0, ends, budgets)
    budgets = np.where(same, 0.0, np.where(np.isnan(budgets), math.inf, budgets))
    ulps = np.where(np.isfinite(ulps) & (budgets > 0), ulps, 0.0)
    tiny = finfo_of(real_format(dtype)).smallest_normal
    flushed = (np.abs(expected) < tiny) & (actual == 0)
    budgets = np.where(flushed, np.minimum(budgets, FLUSHING), budgets)
    worst = int(np.argmax(budgets))
    text = _at(worst, actual, expected, int((budgets > 1).sum()))
    if flushed.reshape(-1)[worst] and budgets.max() == FLUSHING:
        text = f"flushes subnormal numbers to zero: {text}"
    return Error(float(budgets.max()), float(ulps.max()), text)


def _real(dtype: DType) -> DType:
    from rustorch.dtypes import dtype_of

    return dtype_of(real_format(dtype))


def _overflow(actual: Array, expected: Array, nearest: Array, dtype: DType) -> Array:
    """Return 0 where infinity and a number at the end of the range mean the same, infinity where not, else -1."""
    limit = finfo_of(real_format(dtype)).max
    edge = limit * (1 - 16 * spacing(np.array(limit), dtype) / limit)
    strange = ~np.isfinite(actual) | ~np.isfinite(nearest)
    big = (np.abs(actual) >= edge) & (np.abs(nearest) >= edge) & (np.sign(actual) == np.sign(expected))
    close = big & ~(np.isinf(expected) & np.isfinite(actual)) & (np.abs(expected) <= limit * 1.001)
    return np.where(strange, np.where(close, 0.0, math.inf), -1.0)


def _at(position: int, actual: Array, expected: Array, count: int) -> str:
    index = tuple(int(i) for i in np.unravel_index(position, actual.shape))
    where = f" at {index}" if actual.ndim else ""
    others = f" ({count} of {actual.size} elements are off)" if count > 1 else ""
    right, got = (_number(x.reshape(-1)[position]) for x in (expected, actual))
    return f"expected {right}, got {got}{where}{others}"


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, (float, np.floating)) else str(value)
