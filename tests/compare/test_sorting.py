"""Sorting, sets and comparisons beside PyTorch, on the values that samples avoid: NaN, infinities, ties, edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rustorch

RNG = np.random.default_rng(0)
EDGES = np.array([1.5, np.nan, -np.inf, 0.0, 3.0, np.inf, 1.5, -2.0, np.nan, 0.25])
TIES = RNG.integers(0, 4, (4, 6))
PLAIN = RNG.standard_normal((4, 6))


def both(name: str, *args: Any, **kwargs: Any) -> None:
    def convert(value: Any, library: Any) -> Any:
        return library.tensor(value) if isinstance(value, np.ndarray) else value

    results = [
        getattr(library, name)(
            *(convert(a, library) for a in args), **{k: convert(v, library) for k, v in kwargs.items()}
        )
        for library in (rustorch, torch)
    ]
    mine, yours = (list(r) if isinstance(r, tuple) else [r] for r in results)
    assert len(mine) == len(yours)
    for a, b in zip(mine, yours, strict=True):
        x, y = np.asarray(a), np.asarray(b)
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "x", [EDGES, TIES, PLAIN, np.array([2, 1, 2], np.uint8)], ids=["edges", "ties", "plain", "uint8"]
)
@pytest.mark.parametrize("descending", [False, True])
def test_stable_sort(x: np.ndarray, descending: bool) -> None:
    both("sort", x, stable=True, descending=descending, dim=0)
    both("argsort", x, stable=True, descending=descending, dim=-1)


@pytest.mark.parametrize("x", [EDGES, PLAIN], ids=["edges", "plain"])
def test_order_statistics(x: np.ndarray) -> None:
    both("median", x)
    both("nanmedian", x)
    for k in (1, 3, 4):
        both("kthvalue", PLAIN, k, 0, keepdim=True)
    both("median", PLAIN, 1, True)
    both("nanmedian", np.array([[np.nan, 1.0, 2.0], [3.0, np.nan, np.nan]]), 1)
    for interpolation in ("linear", "lower", "higher", "midpoint", "nearest"):
        for q in (0.0, 0.3, 0.5, 0.77, 1.0):
            both("quantile", x, q, interpolation=interpolation)
            both("quantile", PLAIN, q, 1, True, interpolation=interpolation)
    both("quantile", PLAIN, np.array([0.1, 0.5, 0.9]))
    both("quantile", PLAIN, np.array([0.1, 0.5]), 0, True)
    both("quantile", PLAIN, np.array([0.25]), keepdim=True)
    both("quantile", PLAIN, 0.25, keepdim=True)


def test_topk() -> None:
    for largest in (True, False):
        both("topk", PLAIN, 3, 1, largest)
        both("topk", PLAIN, 4, 0, largest)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_unique(dim: int | None, inverse: bool, counts: bool) -> None:
    for x in (TIES, TIES[:, :1].repeat(3, 1), RNG.integers(0, 2, (6, 2)).astype(bool), TIES / 2.0):
        both("unique", x, return_inverse=inverse, return_counts=counts, dim=dim)
        both("unique_consecutive", x, return_inverse=inverse, return_counts=counts, dim=dim)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9])
def test_searchsorted(right: bool, size: int) -> None:
    sequence = np.sort(RNG.integers(0, 6, size)).astype(float)
    values = np.array([[-1.0, 0.0, 2.5], [np.nan, np.inf, 5.0]])
    both("searchsorted", sequence, values, right=right)
    both("bucketize", values, sequence, right=right, out_int32=True)
    rows = np.sort(RNG.integers(0, 6, (2, size)), axis=1).astype(float)
    both("searchsorted", rows, values, right=right)
    both("searchsorted", sequence, 2.5, right=right)


def test_counting() -> None:
    both("bincount", TIES.ravel())
    both("bincount", TIES.ravel(), PLAIN.ravel(), 9)
    both("bincount", TIES.ravel(), PLAIN.ravel().astype(np.float32))
    both("histc", PLAIN, 7)
    both("histc", PLAIN, 5, -1, 1)
    both("histc", np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 4)
    both("histc", np.full(3, 2.0), 3)
    both("isin", TIES, np.array([1, 3]))
    both("isin", TIES, 2, invert=True)
    both("isin", 2, TIES)


def test_closeness() -> None:
    other = np.where(np.isfinite(EDGES), EDGES * (1 + 1e-6), EDGES)
    for equal_nan in (False, True):
        both("isclose", EDGES, other, equal_nan=equal_nan)
        both("allclose", EDGES, other, equal_nan=equal_nan)
    both("isclose", TIES, TIES + 1, 0.5, 0.0)
    both("equal", TIES, TIES.copy())
    both("nan_to_num", EDGES)
    both("nan_to_num", EDGES.astype(np.float32), 1.0, posinf=2.0)


def test_scans() -> None:
    for name in ("cumsum", "cumprod", "logcumsumexp"):
        both(name, PLAIN, 1)
        both(name, EDGES, 0)
    both("cumsum", TIES.astype(np.int8), 0)
    both("cumprod", TIES.astype(bool), 0)


def test_correlation() -> None:
    both("cov", PLAIN, fweights=np.arange(1, 7), aweights=np.linspace(0.1, 1, 6))
    both("cov", PLAIN, correction=0)
    both("cov", PLAIN[0])
    both("corrcoef", PLAIN)
    for p in (0.5, 1.0, 2.0, 3.0, float("inf")):
        both("cdist", PLAIN, PLAIN[:2] + 1, p)
    rows = np.random.default_rng(0).normal(size=(2, 40, 7))
    for mode in (
        "use_mm_for_euclid_dist_if_necessary",
        "use_mm_for_euclid_dist",
        "donot_use_mm_for_euclid_dist",
    ):
        both("cdist", rows, rows[:1, :30] + 1, 2.0, mode)
    both("hypot", EDGES, np.flip(EDGES).copy())
    both("hypot", np.array([1e300, 0.0]), np.array([1e300, 0.0]))
    both("diff", PLAIN, 2, 0)
    both("diff", TIES.astype(bool))
    both("lerp", PLAIN, PLAIN + 1, np.linspace(0, 1, 6))
