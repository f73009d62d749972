import math

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, BOOL, COMPLEX, FLOATS, INTEGERS, NUMPY

SHAPES = [(), (1,), (7,), (2, 3), (0,), (2, 0, 3), (2, 3, 4)]


@pytest.mark.parametrize("dtype", sorted(ALL))
@pytest.mark.parametrize("shape", SHAPES)
def test_fill_sets_every_element(call, shape, dtype):
    got = call("fill", shape=shape, out=np.zeros(shape, NUMPY[dtype]), value=3)
    assert got.shape == shape
    assert (got == NUMPY[dtype].type(3)).all()


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (True, "float32", 1.0),
        (2**60, "float32", 2.0**60),
        (10**30, "float64", 1e30),
        (-1, "int8", -1),
        (math.nan, "float16", math.nan),
        (-math.inf, "bfloat16", -math.inf),
        (1 + 2**-8 + 2**-40, "bfloat16", 1 + 2**-7),
        (1e300, "float32", math.inf),
        (1 + 2j, "complex64", 1 + 2j),
        (0.1, "complex128", 0.1),
        (0.1, "float64", 0.1),
    ],
)
def test_fill_converts_its_value(call_contiguous, value, dtype, expected):
    got = call_contiguous("fill", out=np.zeros(2, NUMPY[dtype]), value=value)
    np.testing.assert_array_equal(got.astype(complex), np.full(2, expected, complex))


@pytest.mark.parametrize("dtype", sorted(ALL))
@pytest.mark.parametrize("shape", SHAPES)
def test_copy_keeps_values(call, same, shape, dtype):
    x = np.arange(math.prod(shape)).reshape(shape).astype(NUMPY[dtype])
    same(call("copy", x), x)


def test_copy_keeps_the_bits_of_a_nan(call):
    x = np.array([0x7FC12345, 0xFF812345], np.uint32)
    assert (call("copy", x.view(np.float32)).view(np.uint32) == x).all()


@pytest.mark.parametrize("target", sorted(ALL))
@pytest.mark.parametrize("source", sorted(ALL))
def test_cast_of_values_that_every_dtype_holds(call, same, source, target):
    x = np.array([[0, 1, 1], [1, 0, 1]]).astype(NUMPY[source])
    same(call("cast", x, dtype=target), np.array([[0, 1, 1], [1, 0, 1]]).astype(NUMPY[target]))


@pytest.mark.parametrize("source", sorted(FLOATS | COMPLEX))
@pytest.mark.parametrize("target", sorted(INTEGERS))
def test_cast_to_an_integer_truncates_and_keeps_the_low_bits(call, rounded, same, source, target):
    x = [0.0, 0.9, -0.9, 1.5, -1.5, 100.75, 300.0, -3.0, 8192.0]
    expected = rounded([math.trunc(v) for v in rounded(x, source).real.astype(float)], target)
    same(call("cast", rounded(x, source), dtype=target), expected)


@pytest.mark.parametrize("target", sorted(INTEGERS))
def test_cast_of_what_no_integer_holds_is_quiet_and_fixed(call_contiguous, rounded, target):
    x = np.array([math.nan, math.inf, -math.inf, 1e300])
    got = call_contiguous("cast", x, dtype=target)
    assert (got == rounded([-(2**63)], target)).all()


@pytest.mark.parametrize("source", sorted(ALL))
def test_cast_to_bool_asks_for_not_zero(call, same, source):
    x = np.array([0, 1, 2, 0]).astype(NUMPY[source])
    same(call("cast", x, dtype="bool"), np.array([False, True, True, False]))


def test_cast_to_bool_of_corner_cases(call_contiguous):
    got = call_contiguous("cast", np.array([-0.0, math.nan, 0.25, -math.inf, 5e-324]), dtype="bool")
    assert got.tolist() == [False, True, True, True, True]
    assert call_contiguous("cast", np.array([0j, 1j]), dtype="bool").tolist() == [False, True]


@pytest.mark.parametrize("target", sorted(FLOATS))
def test_cast_to_a_narrow_float_rounds_once(call, rounded, same, target):
    x = [
        0.1,
        1 / 3,
        1 + 2**-8 + 2**-40,
        1 + 2**-11 + 2**-40,
        1 + 2**-24 + 2**-50,
        -1 - 2**-8,
        65519.99,
        65520.0,
    ]
    x += [
        1e-8,
        6e-8,
        1e-40,
        -1e-46,
        1e39,
        -1e300,
        3.39e38,
        3.3961e38,
        math.inf,
        -math.inf,
        math.nan,
        -0.0,
        0.0,
    ]
    same(call("cast", np.array(x), dtype=target), rounded(x, target))


@pytest.mark.parametrize("target", sorted(INTEGERS))
@pytest.mark.parametrize("source", sorted(INTEGERS | BOOL))
def test_cast_between_integers_keeps_the_low_bits(call, rounded, same, source, target):
    x = rounded([0, 1, -1, 127, 128, 255, -300, 2**31, 2**40 + 5], source)
    same(call("cast", x, dtype=target), rounded(x.tolist(), target))


@pytest.mark.parametrize("target", sorted(FLOATS))
def test_cast_of_integers_to_a_float_rounds_once(call, rounded, same, target):
    x = [0, 1, -3, 2049, 2**24 + 1, 2**31 - 1, -(2**40) - 1, 2**53]
    same(call("cast", np.array(x, np.int64), dtype=target), rounded(x, target))


def test_cast_of_complex_to_real_drops_the_imaginary_part(call):
    assert call("cast", np.array([1.5 + 2j, -3j]), dtype="float32").tolist() == [1.5, 0.0]


@pytest.mark.parametrize("dtype", sorted(INTEGERS | FLOATS))
@pytest.mark.parametrize("count", [0, 1, 9])
def test_arange(call, rounded, same, dtype, count):
    got = call("arange", out=np.zeros(count, NUMPY[dtype]), start=2, step=3)
    same(got, rounded([2 + 3 * i for i in range(count)], dtype))


def test_arange_computes_wide_and_rounds_once(call_contiguous, rounded, same):
    for dtype in FLOATS:
        got = call_contiguous("arange", out=np.zeros(1000, NUMPY[dtype]), start=-1.0, step=0.1)
        same(got, rounded([-1.0 + i * 0.1 for i in range(1000)], dtype))


def test_arange_of_large_integers_is_exact(call_contiguous):
    got = call_contiguous("arange", out=np.zeros(3, np.int64), start=2**62 + 1, step=-(2**53) - 1)
    assert got.tolist() == [2**62 + 1 - i * (2**53 + 1) for i in range(3)]
