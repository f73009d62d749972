import math
from fractions import Fraction

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, COMPLEX, FLOATS, NUMPY

SHAPES = [
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((2, 1, 2, 3), (2, 1, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
]


def product(a, b):
    """Multiply two matrices of exact Python numbers."""
    return [
        [sum((a[i][k] * b[k][j] for k in range(len(b))), start=0) for j in range(b.shape[1])]
        for i in range(len(a))
    ]


@pytest.mark.parametrize("dtype", sorted(ALL - {"bool"}))
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_small_numbers(call, same, left, right, dtype):
    a = (np.arange(math.prod(left)) % 5).reshape(left)
    b = (np.arange(math.prod(right)) % 7).reshape(right)
    shape = (*left[:-1], right[-1])
    expected = np.zeros(shape, NUMPY[dtype])
    for batch in np.ndindex(shape[:-2]):
        expected[batch] = np.array(product(a[batch], b[batch])).reshape(shape[-2:]).astype(NUMPY[dtype])
    same(call("matmul", a.astype(NUMPY[dtype]), b.astype(NUMPY[dtype]), shape=shape), expected)


@pytest.mark.parametrize("dtype", sorted(FLOATS - {"float64"}))
def test_is_rounded_once(call_contiguous, rounded, same, dtype):
    rng = np.random.default_rng(0)
    a = rounded(rng.normal(size=60).tolist(), dtype).reshape(2, 30)
    b = rounded(rng.normal(size=90).tolist(), dtype).reshape(30, 3)
    exact = product(*(np.vectorize(Fraction, otypes=[object])(x.astype(float)) for x in (a, b)))
    expected = rounded([float(v) for row in exact for v in row], dtype).reshape(2, 3)
    same(call_contiguous("matmul", a, b, shape=(2, 3)), expected)


def test_bool_is_or_of_ands(call, same):
    a, b = np.array([[1, 1, 0], [0, 0, 1]], bool), np.array([[1, 0], [1, 0], [0, 0]], bool)
    same(call("matmul", a, b, shape=(2, 2)), np.array([[1, 0], [0, 0]], bool))


def test_integers_wrap(call, same):
    a = np.array([[100, 100]], np.int8)
    same(call("matmul", a, a.T.copy(), shape=(1, 1)), np.array([[20000 - 78 * 256]], np.int8))


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
def test_complex_is_not_conjugated(call, dtype):
    a = np.array([[1j, 2]], NUMPY[dtype])
    assert call("matmul", a, a.T.copy(), shape=(1, 1)).tolist() == [[3 + 0j]]


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_nan_and_inf_take_part(call, dtype):
    a = np.array([[math.inf, 1.0], [math.nan, 0.0]]).astype(NUMPY[dtype])
    b = np.array([[0.0, 1.0], [1.0, 1.0]]).astype(NUMPY[dtype])
    got = call("matmul", a, b).astype(float)
    np.testing.assert_array_equal(got, [[math.nan, math.inf], [math.nan, math.nan]])
