"""Unary float32 functions over the whole range of bit patterns, against doubles of NumPy and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import erf, erfc, expit

pytestmark = [pytest.mark.usefixtures("each_isa"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

#: op -> (reference in float64, units in the last place allowed)
FUNCTIONS = {
    "exp": (np.exp, 1.5),
    "exp2": (np.exp2, 1.5),
    "expm1": (np.expm1, 2),
    "log": (np.log, 1.5),
    "log2": (np.log2, 2),
    "log10": (np.log10, 2),
    "log1p": (np.log1p, 2),
    "sin": (np.sin, 1),
    "cos": (np.cos, 1),
    "tan": (np.tan, 1),
    "asin": (np.arcsin, 1),
    "acos": (np.arccos, 1),
    "atan": (np.arctan, 1),
    "sinh": (np.sinh, 1),
    "cosh": (np.cosh, 1),
    "tanh": (np.tanh, 1.2),
    "erf": (erf, 1.5),
    "sigmoid": (expit, 1.5),
    "gelu": (lambda x: 0.5 * x * erfc(-x * math.sqrt(0.5)), 2.1),  # 1.9 where fma rounds once
}

BLOCK = 1 << 22  # patterns at a time


def check(run, op, patterns):
    reference, allowed = FUNCTIONS[op]
    x = patterns.view(np.float32)
    got, exact = run(op, np.empty_like(x), x), reference(x.astype(np.float64))
    expected = exact.astype(np.float32)
    if op == "gelu":  # 0 times infinity, as in PyTorch
        got[x == -np.inf] = expected[x == -np.inf] = 0
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    finite = np.isfinite(expected) & np.isfinite(got)
    odd = ~finite & ~np.isnan(expected)
    np.testing.assert_array_equal(got[odd], expected[odd])
    np.testing.assert_array_equal(np.signbit(got[x == 0]), np.signbit(expected[x == 0]))
    error = np.abs(got[finite].astype(np.float64) - exact[finite]) / np.spacing(np.abs(expected[finite]))
    if error.size:  # a block of patterns may be all NaN
        worst = error.argmax()
        assert error[worst] <= allowed, f"{error[worst]} at {x[finite][worst]!r}"


@pytest.mark.parametrize("op", FUNCTIONS)
def test_a_sample_of_all_patterns(run, op):
    check(run, op, np.arange(0, 2**32, 49999, dtype=np.uint64).astype(np.uint32))


@pytest.mark.parametrize("op", ["gelu", "tanh", "sigmoid"])
def test_intervals_densely(run, op):
    """What has a polynomial per interval, so that a sample of all patterns sees little of each."""
    check(run, op, np.linspace(-16, 16, 1 << 20).astype(np.float32).view(np.uint32))


@pytest.mark.slow
@pytest.mark.parametrize("op", FUNCTIONS)
def test_all_patterns(run, op):
    for start in range(0, 2**32, BLOCK):
        check(run, op, np.arange(start, start + BLOCK, dtype=np.uint64).astype(np.uint32))


def test_powers(run, random):
    """Every pair of odd cases, and random ones, as the C library has them."""
    edges = [
        0.0,
        -0.0,
        1,
        -1,
        2,
        -2,
        0.5,
        -0.5,
        3,
        -3,
        2.5,
        -2.5,
        1e30,
        -1e30,
        1e-40,
        np.inf,
        -np.inf,
        np.nan,
    ]
    a, b = (x.ravel().astype(np.float32) for x in np.meshgrid(edges, edges))
    a = np.concatenate([a, np.exp(random.normal(size=5000) * 5).astype(np.float32)])
    b = np.concatenate([b, (random.normal(size=5000) * 5).astype(np.float32)])
    exact = np.power(a.astype(np.float64), b.astype(np.float64))
    got, expected = run("pow", np.empty_like(a), a, b), exact.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(expected[~np.isnan(got)]))
    np.testing.assert_array_max_ulp(got[np.isfinite(expected)], expected[np.isfinite(expected)], 1)
    np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_angles_of_every_quadrant_and_edge(run, random, dtype):
    edges = [0.0, -0.0, 1, -1, 1e-40, 3e38, -3e38, np.inf, -np.inf, np.nan]
    a, b = (x.ravel() for x in np.meshgrid(edges, edges))
    a = np.concatenate([a, random.normal(size=2000)]).astype(dtype)
    b = np.concatenate([b, random.normal(size=2000)]).astype(dtype)
    got, expected = (
        run("atan2", np.empty_like(a), a, b),
        np.arctan2(a.astype(np.float64), b.astype(np.float64)),
    )
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected[number]))
    np.testing.assert_allclose(got, expected, rtol=2.4e-7 if dtype == "float32" else 4.5e-16, atol=1e-44)
