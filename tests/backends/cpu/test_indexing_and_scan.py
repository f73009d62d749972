"""Gather, scatter, index_select, index_add, cumsum and sort against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("each_isa")

SHAPES = [(5,), (4, 6), (3, 5, 7), (40, 300), (300, 40), (2, 150, 130)]
DTYPES = ["float32", "float64", "int64", "int16", "uint8", "bool", "complex128", "float16"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gather_and_index_select(run, random, dtype, shape):
    x = random.integers(0, 100, shape).astype(dtype)
    for dim in range(len(shape)):
        index = random.integers(0, shape[dim], [s + 2 if d == dim else s for d, s in enumerate(shape)])
        np.testing.assert_array_equal(
            run("gather", np.empty(index.shape, dtype), x, index, dim=dim), np.take_along_axis(x, index, dim)
        )
        smaller = index[tuple(slice(0, max(1, s - 1)) for s in index.shape)].copy()
        got = run("gather", np.empty(smaller.shape, dtype), x, smaller, dim=dim)
        full = np.take_along_axis(x, index, dim)
        np.testing.assert_array_equal(got, full[tuple(map(slice, smaller.shape))])
        picks = random.integers(0, shape[dim], 9)
        out = np.empty([9 if d == dim else s for d, s in enumerate(shape)], dtype)
        np.testing.assert_array_equal(run("index_select", out, x, picks, dim=dim), np.take(x, picks, dim))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["set", "add", "max"])
def test_scatter(run, random, dtype, shape, mode):
    for dim in range(len(shape)):
        out, src = (random.integers(0, 9, shape).astype(dtype) for _ in range(2))
        index = random.integers(0, shape[dim], shape)
        expected = out.copy()
        where = list(np.indices(shape))
        where[dim] = index
        where = tuple(w.reshape(-1) for w in where)
        if mode == "set":
            expected[where] = src.reshape(-1)
        else:
            (np.add if mode == "add" else np.maximum).at(expected, where, src.reshape(-1))
        np.testing.assert_array_equal(run("scatter", out, index, src, dim=dim, mode=mode), expected)


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex64", "float16"])
@pytest.mark.parametrize("shape", [(5,), (4, 6), (3, 5, 7), (50, 700)])
def test_index_add(run, random, dtype, shape):
    for dim in range(len(shape)):
        picks = random.integers(0, shape[dim], 11)
        out = random.integers(0, 9, shape).astype(dtype)
        src = random.integers(0, 9, [11 if d == dim else s for d, s in enumerate(shape)]).astype(dtype)
        expected = np.moveaxis(out.copy(), dim, 0)
        np.add.at(expected, picks, np.moveaxis(src, dim, 0))
        np.testing.assert_array_equal(
            run("index_add", out, picks, src, dim=dim, kernel_dtype=dtype), np.moveaxis(expected, 0, dim)
        )


def test_an_index_out_of_range_is_named(run):
    x, index = np.zeros((5, 3), np.float32), np.array([[0, 7, 1]])
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 5"):
        run("gather", np.empty((1, 3), np.float32), x, index, dim=0)
    with pytest.raises(IndexError, match="index -1 is out of bounds for dimension 1 with size 3"):
        run("index_select", np.empty((5, 1), np.float32), x, np.array([-1]), dim=1)
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        run("scatter", x, index, np.ones((1, 3), np.float32), dim=0, mode="add", kernel_dtype="float32")
    assert x.sum() == 2  # the other two were added


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8", "complex64"])
@pytest.mark.parametrize("shape", [(0,), (1,), (131,), (3, 50), (50, 3, 4), (2, 5000)])
def test_cumsum(run, random, dtype, shape):
    x = random.integers(0, 5, shape).astype(dtype)
    for dim in range(len(shape)):
        np.testing.assert_array_equal(
            run("cumsum", np.empty_like(x), x, dim=dim), np.cumsum(x, dim, dtype=dtype)
        )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8", "uint8", "bool", "float16"])
@pytest.mark.parametrize("shape", [(0,), (1,), (48,), (49,), (3000,), (3, 100), (100, 3)])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable(run, random, dtype, shape, descending):
    x = random.integers(-20, 20, shape).astype(dtype)
    if dtype.startswith("float") and x.size > 5:
        x.reshape(-1)[[1, 3]] = np.nan
        x.reshape(-1)[[0, 2, 4]] = 0.0, -0.0, -np.inf
    for dim in range(len(shape)):
        outs = np.empty_like(x), np.empty(shape, np.int64)
        values, indices = run("sort", outs, x, dim=dim, descending=descending, kernel_dtype=dtype)
        key = x.astype(np.float64)
        key = np.where(np.isnan(key), np.finfo(np.float64).max, key)
        expected = np.argsort(-key if descending else key, dim, kind="stable")
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_array_equal(values, np.take_along_axis(x, expected, dim))
