"""Numbers that kernels get wrong: zeros, infinities, NaN, the ends of each dtype's range."""

from __future__ import annotations

import numpy as np

from rustorch.dtypes import BOOL, COMPLEX, FLOAT, INT, DType
from rustorch.testing.conformance.numerics import Array, eps, finfo_of, real_format, rounded


def special(dtype: DType) -> Array:
    """Return the special numbers of a dtype, as wide values that it holds exactly."""
    if dtype.category == BOOL:
        return np.array([False, True])
    if dtype.category == INT:
        limits = np.iinfo(dtype.numpy)
        found = {0, 1, 2, 3, 7, 100, limits.max, limits.max - 1, limits.min, limits.min + 1, limits.max // 2}
        found |= {-1, -2, -7} if limits.min < 0 else set()
        return np.array(sorted(found)).astype(dtype.numpy)
    return rounded(np.array([*_finite(dtype), *subnormal(dtype), np.inf, -np.inf, np.nan]), dtype)


def moderate(dtype: DType) -> Array:
    """Return the special numbers for composed functions: their intermediate results may overflow before they do."""
    found = special(dtype)
    return found[~(np.abs(found) > 1000)] if dtype.category == FLOAT else found


def _finite(dtype: DType) -> list[float]:
    limits = finfo_of(real_format(dtype))
    step = eps(dtype)
    positive = [
        *(0.0, limits.smallest_normal, limits.max, limits.max / 2, np.sqrt(limits.max)),
        *(
            1.0,
            1 + step,
            1 - step / 2,
            0.5,
            1.5,
            2.0,
            2.5,
            3.0,
            np.pi / 2,
            np.pi,
            np.e,
            10.0,
            17.3,
            88.0,
            1000.5,
        ),
        *(step, step**2, np.sqrt(limits.smallest_normal), 0.01, 0.1, 1 / step, 2 / step + 2),
    ]
    return [sign * x for x in positive for sign in (1, -1)]


def subnormal(dtype: DType) -> list[float]:
    """Return numbers below the smallest normal one."""
    tiny = finfo_of(real_format(dtype)).smallest_normal
    step = eps(dtype)
    return [sign * tiny * part for part in (step, 0.25, 1 - step) for sign in (1, -1)]


def castable(source: DType, target: DType) -> Array:
    """Return numbers of the source that the target can hold at least when rounded."""
    rng = np.random.default_rng(7)
    if source.category == BOOL:
        return rng.random(50) < 0.5
    if source.category == INT:
        limits = np.iinfo(source.numpy)
        edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1]
        return np.concatenate(
            [np.array(edges, source.numpy), rng.integers(limits.min, limits.max, 60, source.numpy)]
        )
    low, high = (0, 120) if target.name == "uint8" else (-120, 120)
    halves = np.arange(low, high) + 0.5
    near = 1 + np.array([2.0**-8, 2.0**-8 + 2.0**-20, 2.0**-9, 3 * 2.0**-9, 2.0**-12, 3 * 2.0**-12, 2.0**-24])
    values = np.concatenate([halves, near, rng.uniform(low, high, 100)])
    if target.category >= FLOAT:
        strange = [np.nan, np.inf, -np.inf, -0.0, 0.0, 65504.0, 65519.9, 65520.0, 1e-7, 6e-8, 3e-8]
        values = np.concatenate([values, strange, rng.standard_normal(50) * 1e-5])
    if source.category == COMPLEX:
        values = values + 1j * rng.uniform(-2, 2, values.size)
    with np.errstate(all="ignore"):
        found: Array = values.astype(source.numpy)
    return found
