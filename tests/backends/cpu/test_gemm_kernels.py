"""matmul and linear against float64 NumPy, for every instruction set, edge size and memory layout."""

import itertools

import numpy as np
import pytest

import rustorch

FLOATS = ["float32", "float64"]
EPSILON = {"float32": 1.2e-7, "float64": 2.3e-16}
SIZES = [0, 1, 2, 5, 13, 14, 15, 16, 17, 31, 33, 40]
LAYOUTS = ["rows", "columns", "gaps", "reversed"]

pytestmark = pytest.mark.usefixtures("each_isa")


def matrix(random, shape, dtype, layout="rows"):
    """Return normal numbers that lie in memory as `layout` says."""
    *batch, m, n = shape
    if layout == "columns":
        return random.standard_normal((*batch, n, m)).astype(dtype).swapaxes(-1, -2)
    if layout == "gaps":
        return random.standard_normal((*batch, 2 * m, 3 * n)).astype(dtype)[..., ::2, ::3]
    x = random.standard_normal((*batch, m, n)).astype(dtype)
    return x[..., ::-1, ::-1] if layout == "reversed" else x


def check(run, a, b, bias=None):
    """Compare with NumPy's float64 within the bound of a sum of K products."""
    out = np.full((*a.shape[:-1], b.shape[-1]), np.nan, a.dtype)
    if bias is None:
        run("matmul", out, a, b)
    else:
        run("linear", out, a, np.ascontiguousarray(b.swapaxes(-1, -2)), bias)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    expected = wide_a @ wide_b + (0 if bias is None else bias)
    bound = EPSILON[a.dtype.name] * (a.shape[-1] + 2) * (np.abs(wide_a) @ np.abs(wide_b) + 3)
    assert (np.abs(out - expected) <= bound).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_small_size(run, random, dtype):
    for m, n, k in itertools.product(SIZES, SIZES, SIZES):
        check(run, matrix(random, (m, k), dtype), matrix(random, (k, n), dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout_a", LAYOUTS)
@pytest.mark.parametrize("layout_b", LAYOUTS)
def test_layouts(run, random, dtype, layout_a, layout_b):
    for m, n, k in [(1, 33, 70), (29, 1, 40), (3, 50, 300), (40, 37, 39), (130, 200, 70), (64, 64, 2048)]:
        check(run, matrix(random, (m, k), dtype, layout_a), matrix(random, (k, n), dtype, layout_b))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(300, 500, 400), (257, 129, 1025), (7, 11, 30000), (2000, 3, 5), (1, 3000, 900), (5000, 40, 16)],
)
def test_large(run, random, dtype, m, n, k):
    check(run, matrix(random, (m, k), dtype), matrix(random, (k, n), dtype))
    check(run, matrix(random, (m, k), dtype, "columns"), matrix(random, (k, n), dtype, "columns"))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("m", [0, 1, 3, 9, 33, 150])
@pytest.mark.parametrize("k", [0, 1, 25, 64, 300])
@pytest.mark.parametrize("n", [0, 1, 10, 48, 129])
def test_linear(run, random, dtype, m, n, k):
    bias = random.standard_normal(n).astype(dtype)
    check(run, matrix(random, (m, k), dtype), matrix(random, (k, n), dtype), bias)


def test_linear_takes_leading_dimensions(run, random):
    x, w = random.standard_normal((2, 3, 4, 5)), random.standard_normal((7, 5))
    np.testing.assert_allclose(run("linear", np.empty((2, 3, 4, 7)), x, w, None), x @ w.T, atol=1e-13)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("batch", [(0,), (1,), (5,), (2, 3), (3, 0, 2), (40,)])
def test_batches(run, random, dtype, batch):
    check(run, matrix(random, (*batch, 9, 17), dtype), matrix(random, (*batch, 17, 21), dtype, "columns"))


@pytest.mark.parametrize("shared", ["a", "b", "one dimension of b"])
def test_expanded_batches(run, random, shared):
    a, b = random.standard_normal((4, 3, 6, 7)), random.standard_normal((4, 3, 7, 8))
    if shared == "a":
        a = np.broadcast_to(a[0, 0], a.shape)
    elif shared == "b":
        b = np.broadcast_to(b[0, 0], b.shape)
    else:
        b = np.broadcast_to(b[:, :1], b.shape)
    check(run, a, b)


def test_large_batch_items(run, random):
    check(run, matrix(random, (3, 200, 190), "float32"), matrix(random, (3, 190, 210), "float32"))


def test_broadcast_rows_and_columns(run, random):
    check(run, np.broadcast_to(random.standard_normal(30), (20, 30)), random.standard_normal((30, 40)))
    check(run, random.standard_normal((20, 30)), np.broadcast_to(random.standard_normal((30, 1)), (30, 40)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("m", "n", "k"), [(1, 20, 9), (20, 1, 9), (3, 40, 35), (33, 47, 60), (150, 160, 500)]
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_special_values_stay_in_their_row_and_column(run, random, dtype, m, n, k, value):
    a, b = matrix(random, (m, k), dtype), matrix(random, (k, n), dtype)
    a[m // 2, k // 3] = value
    b[k // 2, n // 2] = value
    out = run("matmul", np.zeros((m, n), dtype), a, b)
    expected = np.zeros((m, n), bool)
    expected[m // 2] = expected[:, n // 2] = True
    np.testing.assert_array_equal(~np.isfinite(out), expected)


INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(run, random, dtype):
    info = np.iinfo(dtype)
    for m, n, k in [(0, 3, 2), (3, 4, 0), (1, 7, 5), (40, 33, 150)]:
        a = random.integers(info.min, info.max, (m, k), dtype, endpoint=True)
        b = random.integers(info.min, info.max, (n, k), dtype, endpoint=True).T
        np.testing.assert_array_equal(run("matmul", np.ones((m, n), dtype), a, b), a @ b)


def test_bool_is_or_of_ands(run, random):
    a, b = random.random((9, 12)) < 0.2, random.random((12, 11)) < 0.2
    np.testing.assert_array_equal(run("matmul", np.zeros((9, 11), bool), a, b), a @ b)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex(run, random, dtype):
    a = (random.standard_normal((8, 9)) + 1j * random.standard_normal((8, 9))).astype(dtype)
    b = (random.standard_normal((9, 7)) + 1j * random.standard_normal((9, 7))).astype(dtype)
    np.testing.assert_allclose(run("matmul", np.empty((8, 7), dtype), a, b), a @ b, rtol=1e-5)


@pytest.mark.parametrize(("m", "n", "k"), [(3, 5, 7), (40, 50, 60), (1, 9, 300)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_float16_sums_in_float32(run, random, m, n, k, layout):
    a, b = matrix(random, (m, k), "float16", layout), matrix(random, (k, n), "float16", layout)
    out = run("matmul", np.empty((m, n), "float16"), a, b)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(out, expected, rtol=2**-11 * 1.1, atol=1e-4)


def bfloat16(x):
    """Round float32 to the nearest bfloat16, as 16-bit patterns."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widened(bits):
    """Return bfloat16 patterns as float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def test_bfloat16_linear_sums_in_float32(run, random):
    x, w, b = (bfloat16(random.standard_normal(shape)) for shape in [(20, 30), (40, 30), (40,)])
    out = run("linear", np.empty((20, 40), np.uint16), x, w, b, dtype="bfloat16")
    expected = widened(x).astype(np.float64) @ widened(w).T + widened(b)
    np.testing.assert_allclose(widened(out), expected, rtol=2**-8 * 1.1, atol=1e-5)


@pytest.mark.parametrize(
    ("m", "n", "k"),
    [
        *[(1, 1, 1), (1, 1, 2), (4, 1, 2), (9, 1, 64), (1, 9, 300), (2, 33, 7), (5, 40, 63), (8, 70, 128)],
        *[(40, 50, 61), (3, 5, 0)],
    ],
)
@pytest.mark.parametrize("layout", ["rows", "columns", "gaps"])
def test_bfloat16_sums_in_float32(random, m, n, k, layout):
    a, b, bias = (
        rustorch.from_numpy(matrix(random, shape, "float32", layout)).to(rustorch.bfloat16)
        for shape in [(m, k), (k, n), (1, n)]
    )
    wide_a, wide_b, wide_bias = (x.to(rustorch.float64).numpy() for x in (a, b, bias))
    sums, bound = wide_a @ wide_b, 1e-6 * (np.abs(wide_a) @ np.abs(wide_b))
    for out, expected in [
        (a @ b, sums),
        (rustorch.nn.functional.linear(a, b.T.contiguous(), bias[0].contiguous()), sums + wide_bias),
    ]:
        error = np.abs(out.to(rustorch.float64).numpy() - expected)
        assert (error <= 2**-8 * np.abs(expected) + bound + 1e-30).all()
