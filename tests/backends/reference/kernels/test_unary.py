import cmath
import math

import numpy as np
import pytest

from rustorch_reference.dtypes import COMPLEX, FLOATS, INTEGERS, NUMPY

FLOAT_VALUES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.7, 10.3, 100.0, 1e-3, 1e-30, 60000.0, 1e4, -700.0, 800.0]
SPECIAL_VALUES = [math.inf, -math.inf, math.nan]
INTEGER_VALUES = [0, 1, -1, 7, 127, -128, 255, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
COMPLEX_VALUES = [1 + 0j, -1 + 0.5j, 2 - 3j, 0.25j, -4 - 1e-3j]


def guarded(function, overflow=math.inf):
    """Return `function` with NaN where math raises a domain error, and `overflow` where it overflows."""

    def safe(x):
        try:
            return function(x)
        except OverflowError:
            return overflow
        except ValueError:
            return math.nan

    return safe


FUNCTIONS = {
    "neg": lambda x: -x,
    "abs": abs,
    "exp": guarded(math.exp),
    "log": lambda x: -math.inf if x == 0 else guarded(math.log)(x),
    "sqrt": guarded(math.sqrt),
    "sin": guarded(math.sin),
    "tanh": math.tanh,
    "floor": lambda x: math.copysign(math.floor(x), x) if math.isfinite(x) else x,
    "erf": math.erf,
}


@pytest.mark.parametrize("dtype", sorted(FLOATS))
@pytest.mark.parametrize("op", FUNCTIONS)
def test_float(call, rounded, same, op, dtype):
    x = rounded(FLOAT_VALUES + SPECIAL_VALUES, dtype)
    expected = rounded([FUNCTIONS[op](v) for v in x.astype(float).tolist()], dtype)
    ulps = 4 if dtype == "float64" and op in {"exp", "log", "sin", "tanh"} else 0
    same(call(op, x), expected, ulps)


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize("op", ["neg", "abs"])
def test_integers_wrap(call, rounded, same, op, dtype):
    x = rounded(INTEGER_VALUES, dtype)
    same(call(op, x), rounded([FUNCTIONS[op](v) for v in x.tolist()], dtype))


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
def test_an_integer_is_its_own_floor(call, rounded, same, dtype):
    x = rounded(INTEGER_VALUES, dtype)
    same(call("floor", x), x)


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
@pytest.mark.parametrize("op", ["neg", "exp", "log", "sqrt", "sin", "tanh"])
def test_complex(call, op, dtype):
    function = (lambda x: -x) if op == "neg" else getattr(cmath, op)
    x = np.array(COMPLEX_VALUES, NUMPY[dtype])
    expected = [function(v) for v in x.tolist()]
    np.testing.assert_allclose(call(op, x), expected, rtol=1e-6 if dtype == "complex64" else 1e-14)


@pytest.mark.parametrize(("dtype", "real"), [("complex64", "float32"), ("complex128", "float64")])
def test_abs_of_complex_is_real(call, rounded, same, dtype, real):
    x = rounded([3 + 4j, -5j, 0j, complex(math.inf, math.nan)], dtype)
    same(call("abs", x, dtype=real), rounded([5.0, 5.0, 0.0, math.inf], real))


@pytest.mark.parametrize("op", FUNCTIONS)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 2)])
def test_shapes(call, same, op, shape):
    x = np.full(shape, 0.75, np.float32)
    same(call(op, x), np.full(shape, FUNCTIONS[op](0.75)).astype(np.float32))


def test_in_place(view_of):
    from rustorch_reference.kernels.unary import KERNELS

    x = view_of(np.array([1.0, 4.0, 9.0], np.float32))
    next(kernel for kernel in KERNELS if kernel.op == "sqrt").fn(x, x)
    assert x.storage.buffer.view(np.float32)[:3].tolist() == [1.0, 2.0, 3.0]
