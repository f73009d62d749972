import math
import operator
from itertools import product

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, COMPLEX, FLOATS, NUMPY

FUNCTIONS = {"lt": operator.lt, "eq": operator.eq}


@pytest.mark.parametrize("dtype", sorted(ALL))
@pytest.mark.parametrize("op", FUNCTIONS)
def test_against_python(call, dtypes_of, rounded, op, dtype):
    if dtype not in dtypes_of(op):
        assert (op, dtype in COMPLEX) == ("lt", True)
        return
    values = [0, 1, 2, 100, -1, -128, 2**62, 2**62 + 1]
    if dtype in FLOATS:
        values += [-0.0, 0.5, math.inf, -math.inf, math.nan]
    x = rounded(values, dtype)
    left, right = np.indices((x.size, x.size)).reshape(2, -1)
    plain = x.astype(float).tolist() if dtype in FLOATS else x.tolist()
    expected = [FUNCTIONS[op](a, b) for a, b in product(plain, plain)]
    got = call(op, x[left], x[right], dtype="bool")
    assert got.dtype == bool
    assert got.tolist() == expected


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
def test_complex_numbers_are_equal_if_both_parts_are(call, dtype):
    a, b = (
        np.array([1 + 1j, 1 + 1j, 1 + 1j, complex(0, math.nan)], NUMPY[dtype]),
        np.array([1 + 1j, 1, 1j, 0]),
    )
    assert call("eq", a, b.astype(a.dtype), dtype="bool").tolist() == [True, False, False, False]


@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_shapes(call, shape):
    got = call("eq", np.ones(shape), np.ones(shape), dtype="bool")
    assert got.shape == shape
    assert got.all()
