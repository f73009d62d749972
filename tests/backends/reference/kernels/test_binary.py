import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from rustorch_reference.dtypes import BOOL, COMPLEX, FLOATS, INTEGERS, NUMPY

INTEGER_VALUES = [0, 1, -1, 2, -3, 5, 7, -8, 127, -128, 200, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
FINITE_VALUES = [1.0, -1.0, 0.5, -0.75, 2.0, 3.0, -3.25, 7.5, 0.1, -0.3, 1000.0, 1e-3, 6e4]
ZEROS = [0.0, -0.0]
SPECIAL_VALUES = [math.inf, -math.inf, math.nan]


def pairs(values, rounded, dtype):
    """Return two arrays that hold all pairs of values."""
    x = rounded(values, dtype)
    left, right = np.indices((x.size, x.size)).reshape(2, -1)
    return x[left], x[right]


def wide(x):
    """Return the elements as Python numbers."""
    return x.astype(float).tolist() if x.dtype.kind in "fV" else x.tolist()


def check(call, rounded, same, op, function, a, b, dtype):
    expected = rounded([function(p, q) for p, q in zip(wide(a), wide(b), strict=True)], dtype)
    same(call(op, a, b), expected)


# ------------------------------------------------------------------------------------- integers


def shift_left(a, b, bits):
    return a << b if 0 <= b < bits else 0


def shift_right(a, b, bits):
    return a >> b if 0 <= b < bits else a >> bits


def whole_power(a, b):
    if b >= 0:
        return pow(a, b, 2**64)
    return int(1 / Fraction(a) ** -b) if abs(a) == 1 else 0


INTEGER_FUNCTIONS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "maximum": max,
    "minimum": min,
    "pow": whole_power,
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
}


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize("op", INTEGER_FUNCTIONS)
def test_integers_wrap(call, rounded, same, op, dtype):
    a, b = pairs(INTEGER_VALUES, rounded, dtype)
    check(call, rounded, same, op, INTEGER_FUNCTIONS[op], a, b, dtype)


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize(
    ("op", "function"), [("floor_divide", lambda a, b: a // b), ("remainder", lambda a, b: a % b)]
)
def test_integer_division_is_pythons(call, rounded, same, op, function, dtype):
    a, b = pairs(INTEGER_VALUES, rounded, dtype)
    a, b = a[b != 0], b[b != 0]
    check(call, rounded, same, op, function, a, b, dtype)


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize("op", ["floor_divide", "remainder"])
def test_integer_division_by_zero_raises(call, op, dtype):
    with pytest.raises(ZeroDivisionError, match=f"^{op}: integer division by zero"):
        call(op, np.array([1, 2], NUMPY[dtype]), np.array([1, 0], NUMPY[dtype]))


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
@pytest.mark.parametrize(
    ("op", "function"), [("bitwise_left_shift", shift_left), ("bitwise_right_shift", shift_right)]
)
def test_shifts_by_any_count(call, rounded, same, op, function, dtype):
    a, b = pairs([*INTEGER_VALUES, 31, 63, 64], rounded, dtype)
    bits = 8 * NUMPY[dtype].itemsize
    check(call, rounded, same, op, lambda x, n: function(x, n, bits), a, b, dtype)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("add", [0, 1, 1, 1]),
        ("mul", [0, 0, 0, 1]),
        ("maximum", [0, 1, 1, 1]),
        ("minimum", [0, 0, 0, 1]),
        ("bitwise_and", [0, 0, 0, 1]),
        ("bitwise_or", [0, 1, 1, 1]),
        ("bitwise_xor", [0, 1, 1, 0]),
    ],
)
def test_bool(call, same, op, expected):
    a, b = np.array([0, 0, 1, 1], bool), np.array([0, 1, 0, 1], bool)
    same(call(op, a, b), np.array(expected, bool))


# --------------------------------------------------------------------------------------- floats


def divide(a, b):
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a) or math.isnan(b):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def float_power(a, b):
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf


def propagate(function):
    """Return min or max of two floats, NaN if either is."""
    return lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else function(a, b)


FLOAT_FUNCTIONS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": divide,
    "maximum": propagate(max),
    "minimum": propagate(min),
}


@pytest.mark.parametrize("dtype", sorted(FLOATS))
@pytest.mark.parametrize("op", FLOAT_FUNCTIONS)
def test_float(call, rounded, same, op, dtype):
    values = FINITE_VALUES + SPECIAL_VALUES + ([0.0] if op in {"maximum", "minimum"} else ZEROS)
    a, b = pairs(values, rounded, dtype)
    check(call, rounded, same, op, FLOAT_FUNCTIONS[op], a, b, dtype)


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_float_power(call_contiguous, rounded, same, dtype):
    a, b = pairs([1.0, 2.0, 3.0, 0.5, 0.1, 10.0, 1000.0, math.inf], rounded, dtype)
    expected = rounded([float_power(p, q) for p, q in zip(wide(a), wide(b), strict=True)], dtype)
    same(call_contiguous("pow", a, b), expected, ulps=4 if dtype == "float64" else 0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (0.0, 0.0, 1.0),
        (math.nan, 0.0, 1.0),
        (1.0, math.nan, 1.0),
        (0.0, -1.0, math.inf),
        (-0.0, -1.0, -math.inf),
        (-8.0, 1 / 3, math.nan),
        (-2.0, 3.0, -8.0),
        (-2.0, -2.0, 0.25),
        (0.5, math.inf, 0.0),
        (math.inf, -1.0, 0.0),
        (1e200, 2.0, math.inf),
        (-1e200, 3.0, -math.inf),
    ],
)
def test_float_power_of_corner_cases(call_contiguous, same, a, b, expected):
    same(call_contiguous("pow", np.array([a]), np.array([b])), np.array([expected]))


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_float_floor_divide_and_remainder_are_exact(call, rounded, same, dtype):
    a, b = pairs(FINITE_VALUES, rounded, dtype)
    exact = [(Fraction(p), Fraction(q)) for p, q in zip(wide(a), wide(b), strict=True)]
    quotient = [float(p // q) if p // q or (p < 0) == (q < 0) else -0.0 for p, q in exact]
    same(call("floor_divide", a, b), rounded(quotient, dtype))
    rest = [float(p % q) if p % q else math.copysign(0.0, p) for p, q in exact]
    same(call("remainder", a, b), rounded(rest, dtype))


@pytest.mark.parametrize(
    ("a", "b", "quotient", "rest"),  # as PyTorch answers
    [
        (1.0, 0.0, math.inf, math.nan),
        (-1.0, 0.0, -math.inf, math.nan),
        (1.0, -0.0, -math.inf, math.nan),
        (0.0, 0.0, math.nan, math.nan),
        (1.0, math.inf, 0.0, 1.0),
        (-1.0, math.inf, -1.0, math.inf),
        (1.0, -math.inf, -1.0, -math.inf),
        (0.0, math.inf, 0.0, 0.0),
        (-0.0, 1.0, -0.0, -0.0),
        (0.0, -1.0, -0.0, 0.0),
        (-4.0, 2.0, -2.0, -0.0),
        (4.0, -2.0, -2.0, 0.0),
        (math.inf, 1.0, math.nan, math.nan),
        (math.inf, math.inf, math.nan, math.nan),
        (math.nan, 1.0, math.nan, math.nan),
        (1.0, math.nan, math.nan, math.nan),
        (1.0, 0.1, 9.0, 1 - 9 * Fraction(0.1)),
    ],
)
def test_float_floor_divide_and_remainder_of_corner_cases(call_contiguous, same, a, b, quotient, rest):
    a, b = np.array([a]), np.array([b])
    same(call_contiguous("floor_divide", a, b), np.array([quotient]))
    same(call_contiguous("remainder", a, b), np.array([float(rest)]))


# -------------------------------------------------------------------------------------- complex


@pytest.mark.parametrize("dtype", sorted(COMPLEX))
@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("add", lambda a, b: a + b),
        ("sub", lambda a, b: a - b),
        ("mul", lambda a, b: a * b),
        ("div", lambda a, b: a / b),
    ],
)
def test_complex(call, op, function, dtype):
    a, b = np.array(list(product([1 + 2j, -3.5j, 0.1 - 7j, 2 + 0j], repeat=2)), NUMPY[dtype]).T
    expected = [function(p, q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_allclose(call(op, a, b), expected, rtol=1e-6 if dtype == "complex64" else 1e-14)


# --------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3, 2)])
@pytest.mark.parametrize("dtype", sorted(BOOL | INTEGERS | FLOATS | COMPLEX))
def test_shapes(call, same, dtype, shape):
    a = np.ones(shape, NUMPY[dtype])
    same(call("mul", a, a), a)


def test_a_stride_of_zero_repeats_an_element(view_of):
    from rustorch_reference.kernels.binary import KERNELS

    a, out = view_of(np.arange(3.0)), view_of(np.zeros(3))
    b = view_of(np.full(3, 10.0))
    b.strides = (0,)
    next(kernel for kernel in KERNELS if kernel.op == "add").fn(out, a, b)
    assert out.storage.buffer.view(np.float64)[:3].tolist() == [10.0, 11.0, 12.0]
