import math
from itertools import product

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, COMPLEX, FLOATS, INTEGERS, NUMPY, REAL

DIMS = [
    ((), ()),
    ((5,), (0,)),
    ((2, 3), (0,)),
    ((2, 3), (1,)),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (0, 1, 2)),
    ((2, 3), ()),
]


def slices(shape, dim):
    """Yield (index in the result, indices in the operand) of every reduced slice."""
    for kept in product(*(range(1 if d in dim else size) for d, size in enumerate(shape))):
        ranges = (range(size) if d in dim else [kept[d]] for d, size in enumerate(shape))
        yield kept, list(product(*ranges))


def reduced(shape, dim):
    return tuple(1 if d in dim else size for d, size in enumerate(shape))


def small_numbers(shape, dtype):
    return (np.arange(math.prod(shape)).reshape(shape) % 5).astype(NUMPY[dtype])


def exact(op, values):
    return {"sum": sum, "prod": math.prod, "amax": max, "amin": min}[op](values)


@pytest.mark.parametrize("dtype", sorted(INTEGERS | FLOATS))
@pytest.mark.parametrize(("shape", "dim"), DIMS)
@pytest.mark.parametrize("op", ["sum", "prod", "amax", "amin"])
def test_against_loops(call, rounded, same, op, shape, dim, dtype):
    x = small_numbers(shape, dtype)
    values = [exact(op, [int(x[i]) for i in where]) for _, where in slices(shape, dim)]
    expected = rounded(values, dtype).reshape(reduced(shape, dim))
    same(call(op, x, shape=reduced(shape, dim), dim=dim), expected)


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
def test_complex(call, dtype):
    x = np.array([[1 + 1j, 2], [3, 1j]], NUMPY[dtype])
    assert call("sum", x, shape=(2, 1), dim=(1,)).tolist() == [[3 + 1j], [3 + 1j]]
    assert call("prod", x, shape=(1, 2), dim=(0,)).tolist() == [[3 + 3j, 2j]]


@pytest.mark.parametrize(
    ("op", "expected"), [("sum", [1, 0, 1]), ("prod", [0, 0, 1]), ("amax", [1, 0, 1]), ("amin", [0, 0, 1])]
)
def test_bool(call, op, expected):
    x = np.array([[0, 1], [0, 0], [1, 1]], bool)
    assert call(op, x, shape=(3, 1), dim=(1,)).ravel().tolist() == expected


@pytest.mark.parametrize("dtype", sorted(ALL))
def test_of_nothing(call, dtype):
    x = np.zeros((2, 0), NUMPY[dtype])
    assert (call("sum", x, shape=(2, 1), dim=(1,)) == NUMPY[dtype].type(0)).all()
    assert (call("prod", x, shape=(2, 1), dim=(1,)) == NUMPY[dtype].type(1)).all()
    for op in ["sum", "prod"] + ["amax", "amin"] * (dtype in REAL):
        assert call(op, x, shape=(1, 0), dim=(0,)).shape == (1, 0)


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
def test_integer_sums_and_products_wrap(call, rounded, same, dtype):
    x = rounded([127, 127, 100, 3, 2**31, 2**63 - 1], dtype)
    same(call("sum", x, shape=(1,), dim=(0,)), rounded([sum(x.tolist())], dtype))
    same(call("prod", x, shape=(1,), dim=(0,)), rounded([math.prod(x.tolist())], dtype))


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_sum_is_rounded_once(call_contiguous, rounded, same, dtype):
    x = rounded(np.random.default_rng(0).normal(size=999).tolist(), dtype)
    got = call_contiguous("sum", x, shape=(1,), dim=(0,))
    same(got, rounded([math.fsum(x.astype(float).tolist())], dtype), ulps=64 if dtype == "float64" else 0)


def test_long_sums_are_accurate(call_contiguous):
    x = np.full((1 << 16, 3), 0.1)
    got = call_contiguous("sum", x, shape=(1, 3), dim=(0,))  # also if the reduced dim is not the last
    np.testing.assert_allclose(got, np.full((1, 3), math.fsum(x[:, 0])), rtol=1e-15)
    ones = np.ones((70000,), np.float16)
    assert call_contiguous("sum", ones[:4097], shape=(1,), dim=(0,)).tolist() == [4096.0]
    assert call_contiguous("sum", ones, shape=(1,), dim=(0,)).tolist() == [math.inf]


@pytest.mark.parametrize("dtype", sorted(FLOATS))
@pytest.mark.parametrize("op", ["sum", "prod", "amax", "amin"])
def test_nan_propagates(call, op, dtype):
    x = np.array([[1, math.nan, 2], [3, 4, math.inf]]).astype(NUMPY[dtype])
    got = call(op, x, shape=(2, 1), dim=(1,)).astype(float)
    assert math.isnan(got[0, 0])
    assert got[1, 0] == (3.0 if op == "amin" else math.inf)


@pytest.mark.parametrize("dtype", sorted(REAL))
def test_argmax_and_argmin_take_the_lowest_of_equals(call, dtype):
    x = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1]]).astype(NUMPY[dtype])
    for dim, most, least in [(1, [1, 0, 0], [0, 1, 0]), (0, [1, 0, 0], [0, 1, 1])]:
        shape = reduced(x.shape, (dim,))
        assert call("argmax", x, dtype="int64", shape=shape, dim=dim).ravel().tolist() == most
        assert call("argmin", x, dtype="int64", shape=shape, dim=dim).ravel().tolist() == least


@pytest.mark.parametrize("dtype", sorted(FLOATS))
@pytest.mark.parametrize("op", ["argmax", "argmin"])
def test_argmax_and_argmin_take_the_first_nan(call, op, dtype):
    x = np.array([1, math.nan, math.inf, math.nan, -math.inf]).astype(NUMPY[dtype])
    assert call(op, x, dtype="int64", shape=(1,), dim=0).tolist() == [1]


def test_argmax_tells_large_integers_apart(call):
    x = np.array([2**62, 2**62 + 1, 2**62], np.int64)
    assert call("argmax", x, dtype="int64", shape=(1,), dim=0).tolist() == [1]


def test_argmax_of_a_scalar_is_zero(call):
    assert call("argmax", np.array(3.0), dtype="int64", shape=(), dim=0).tolist() == 0
