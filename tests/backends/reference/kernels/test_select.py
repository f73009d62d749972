import math

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, NUMPY


@pytest.mark.parametrize("dtype", sorted(ALL))
def test_where(call, same, dtype):
    cond = np.array([[True, False, True], [False, False, True]])
    a = np.array([[1, 1, 0], [0, 1, 1]]).astype(NUMPY[dtype])
    b = np.array([[0, 1, 1], [1, 0, 0]]).astype(NUMPY[dtype])
    expected = np.array([[1, 1, 0], [1, 0, 1]]).astype(NUMPY[dtype])
    same(call("where", cond, a, b, dtype=dtype), expected)


def test_where_ignores_what_it_does_not_choose(call, same):
    a, b = np.array([math.nan, 1.0]), np.array([2.0, math.nan])
    same(call("where", np.array([False, True]), a, b, dtype="float64"), np.array([2.0, 1.0]))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_shapes(call, same, shape):
    a = np.ones(shape, np.float32)
    same(call("where", np.ones(shape, bool), a, a, dtype="float32"), a)
