"""Reductions against NumPy, over every subset of dims, layout and size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("each_isa")

REFERENCE = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min}


def sum_squares(x, **kwargs):
    return np.sum(np.square(x), **kwargs)


def reduced(run, op, x, dim):
    out = np.empty([1 if d in dim else s for d, s in enumerate(x.shape)], x.dtype)
    return run(op, out, x, dim=dim)


def expected(op, x, dim):
    reference = REFERENCE.get(op, sum_squares)
    if x.dtype.kind == "f" and x.size:
        with np.errstate(over="ignore"):
            return reference(x.astype(np.float64), axis=dim, keepdims=True).astype(x.dtype)
    with np.errstate(over="ignore"):
        kwargs = {"dtype": x.dtype} if op in ("sum", "prod") else {}
        return reference(x, axis=dim, keepdims=True, **kwargs)


CASES = [
    *itertools.product(REFERENCE, ["float32", "float64", "int32", "int64", "uint8", "float16"]),
    *itertools.product(["sum_squares"], ["float32", "float64", "float16"]),
]


@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_every_subset_of_dims_and_layout(run, op, dtype):
    rng = np.random.default_rng(0)
    base = (
        rng.uniform(0.5, 2, (3, 5, 4, 21)) if dtype.startswith("float") else rng.integers(0, 9, (3, 5, 4, 21))
    ).astype(dtype)
    layouts = [base, base.transpose(3, 1, 0, 2), base[:, ::-2, :, 1:], np.broadcast_to(base[:1], base.shape)]
    for x in layouts:
        for count in range(5):
            for dim in itertools.combinations(range(4), count):
                np.testing.assert_allclose(
                    reduced(run, op, x, dim), expected(op, x, dim), rtol=2e-3 if dtype == "float16" else 1e-6
                )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape", [(1, 300001), (300001, 1), (300001, 17), (7, 40000), (1000, 300), (40, 3, 5000), (3000, 7, 5)]
)
def test_large(run, dtype, shape):
    x = np.random.default_rng(1).normal(size=shape).astype(dtype) + 1
    for dim in [(0,), (1,), tuple(range(len(shape)))]:
        np.testing.assert_array_equal(reduced(run, "amax", x, dim), expected("amax", x, dim))
        np.testing.assert_array_equal(reduced(run, "amin", x, dim), expected("amin", x, dim))
        exact = x.astype(np.longdouble).sum(dim, keepdims=True)
        magnitude = np.abs(x).astype(np.longdouble).sum(dim, keepdims=True)
        error = np.abs(reduced(run, "sum", x, dim) - exact)
        # float32: three roundings of parts and one of the result, whatever the length
        roundings = 4 if dtype == "float32" else 4 + np.log2(x.size)
        assert (error <= roundings * np.finfo(dtype).eps / 2 * magnitude).all()
        squares = np.square(x.astype(np.longdouble)).sum(dim, keepdims=True)
        error = np.abs(reduced(run, "sum_squares", x, dim) - squares)
        assert (error <= (roundings + 1) * np.finfo(dtype).eps / 2 * squares).all()


def test_the_sum_does_not_depend_on_the_number_of_threads(run):
    from rustorch_cpu.native import lib

    x = np.random.default_rng(2).normal(size=1_000_003)
    before = lib.rt_num_threads()
    try:
        sums = []
        for threads in (1, 2, 3):
            lib.rt_set_num_threads(threads)
            sums.append(reduced(run, "sum", x, (0,))[0])
    finally:
        lib.rt_set_num_threads(before)
    assert len(set(sums)) == 1


def test_sizes_with_tails(run):
    for n in range(131):
        x = np.random.default_rng(n).normal(size=(2, n)).astype(np.float32)
        np.testing.assert_allclose(
            reduced(run, "sum", x, (1,)), expected("sum", x, (1,)), rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose(
            reduced(run, "sum_squares", x, (1,)), expected("sum_squares", x, (1,)), rtol=1e-6
        )
        tall = np.ascontiguousarray(np.repeat(x.T, 3, 1))
        np.testing.assert_allclose(
            reduced(run, "sum", tall, (0,)), expected("sum", tall, (0,)), rtol=1e-6, atol=1e-6
        )
        if n:
            np.testing.assert_array_equal(reduced(run, "amin", x, (1,)), expected("amin", x, (1,)))


def test_empty(run):
    x = np.empty((0, 3), np.float32)
    assert reduced(run, "sum", x, (0,)).tolist() == [[0, 0, 0]]
    assert reduced(run, "prod", x, (0,)).tolist() == [[1, 1, 1]]


def test_no_elements_around_a_dim_that_stays(run):
    x = np.empty((0, 3, 4), np.float32)
    assert (run("sum", np.full((1, 3, 1), np.nan, np.float32), x, dim=(0, 2)) == 0).all()


@pytest.mark.parametrize("op", ["amax", "amin"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("n", [1, 7, 20, 100, 300])
@pytest.mark.parametrize("sign", [1, -1])
def test_nan_propagates(run, op, dtype, n, sign):
    for at in {0, n // 2, n - 1}:
        x = np.arange(n, dtype=dtype)
        x[at] = np.copysign(np.nan, sign)
        wide = np.repeat(x[:, None], 21, 1)
        assert np.isnan(reduced(run, op, x, (0,))).all()
        assert np.isnan(reduced(run, op, wide, (0,))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [3, 64, 1000])
def test_infinities(run, dtype, n):
    x = np.ones(n, dtype)
    x[1] = np.inf
    assert reduced(run, "sum", x, (0,)) == np.inf
    assert reduced(run, "amin", x, (0,)) == 1
    assert reduced(run, "amax", x, (0,)) == np.inf
    x[2] = -np.inf
    assert np.isnan(reduced(run, "sum", x, (0,)))
    assert reduced(run, "amin", x, (0,)) == -np.inf


@pytest.mark.parametrize("op", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("shape", [(7,), (3, 131), (131, 3), (4, 50, 200), (20, 3000)])
def test_arg_extreme(run, op, dtype, shape):
    x = np.random.default_rng(3).integers(0, 40, shape).astype(dtype)  # many ties: the first one counts
    for dim in range(len(shape)):
        out = np.empty([1 if d == dim else s for d, s in enumerate(shape)], np.int64)
        np.testing.assert_array_equal(run(op, out, x, dim=dim), getattr(np, op)(x, axis=dim, keepdims=True))


@pytest.mark.parametrize("op", ["argmax", "argmin"])
def test_nan_is_the_extreme(run, op):
    x = np.arange(200, dtype=np.float32)
    x[[77, 150]] = np.nan
    assert run(op, np.empty(1, np.int64), x, dim=0)[0] == 77
