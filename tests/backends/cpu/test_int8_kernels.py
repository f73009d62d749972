"""Products of int8 against NumPy's integers, for every instruction set, edge size and memory layout."""

import itertools

import numpy as np
import pytest

LAYOUTS = ["rows", "columns", "gaps", "reversed"]

pytestmark = pytest.mark.usefixtures("each_isa")


def matrix(random, m, n, layout="rows"):
    """Return all values of int8 that lie in memory as `layout` says; many of them the least one."""

    def draw(*shape):
        x = random.integers(-128, 128, shape, dtype=np.int8)
        x[random.random(shape) < 0.1] = -128
        return x

    if layout == "columns":
        return draw(n, m).T
    if layout == "gaps":
        return draw(2 * m, 3 * n)[::2, ::3]
    return draw(m, n)[::-1, ::-1] if layout == "reversed" else draw(m, n)


def check(run, a, b):
    """Compare with exact sums that wrap."""
    out = run("int_mm", np.full((a.shape[0], b.shape[1]), 77, np.int32), a, b)
    np.testing.assert_array_equal(out, (a.astype(np.int64) @ b.astype(np.int64)).astype(np.int32))


def test_every_small_size(run, random):
    left = {layout: matrix(random, 41, 41, layout) for layout in LAYOUTS}
    right = {layout: matrix(random, 41, 41, layout) for layout in LAYOUTS}
    layouts = itertools.cycle(itertools.product(LAYOUTS, LAYOUTS))
    for (m, k), (layout_a, layout_b) in zip(itertools.product(range(41), repeat=2), layouts, strict=False):
        a, b = left[layout_a][:m, :k], right[layout_b][:k]
        expected = a.astype(np.int64) @ b.astype(np.int64)
        for n in range(41):
            out = run("int_mm", np.full((m, n), 77, np.int32), a, b[:, 41 - n :])
            assert (out == expected[:, 41 - n :]).all(), (m, n, k, layout_a, layout_b)


@pytest.mark.parametrize("layout_a", LAYOUTS)
@pytest.mark.parametrize("layout_b", LAYOUTS)
def test_layouts(run, random, layout_a, layout_b):
    for m, n, k in [(1, 33, 70), (29, 1, 40), (3, 50, 301), (40, 37, 39), (130, 200, 70), (64, 64, 2072)]:
        check(run, matrix(random, m, k, layout_a), matrix(random, k, n, layout_b))


@pytest.mark.parametrize(
    ("m", "n", "k"), [(300, 200, 400), (57, 129, 1025), (7, 11, 30000), (1, 3000, 900), (1000, 40, 16)]
)
def test_large(run, random, m, n, k):
    check(run, matrix(random, m, k), matrix(random, k, n, "columns"))


@pytest.mark.parametrize("m", [1, 5, 9, 30])
@pytest.mark.parametrize("layout_b", ["rows", "columns"])
def test_extreme_values(run, m, layout_b):
    for x, y in itertools.product([-128, -127, 127], repeat=2):
        a, b = np.full((m, 67), x, np.int8), np.full((67, 35), y, np.int8)
        check(run, a, b.T.copy().T if layout_b == "columns" else b)


@pytest.mark.parametrize("m", [1, 20])
def test_sums_wrap(run, m):
    k = 2**31 // 128**2 + 5
    check(run, np.full((m, k), -128, np.int8), np.full((k, 3), -128, np.int8))


def test_repeated_rows_and_columns(run, random):
    a, b = matrix(random, 1, 30), matrix(random, 30, 1)
    check(run, np.broadcast_to(a, (20, 30)), matrix(random, 30, 40))
    check(run, matrix(random, 20, 30), np.broadcast_to(b, (30, 40)))


def quantized(x):
    """Return the rows of x as whole numbers and their scales, in float32 as the op declares."""
    scale = np.abs(x).max(1, keepdims=True, initial=0) / np.float32(127)
    whole = np.divide(x, scale, out=np.zeros_like(x), where=scale > 0)
    return np.clip(np.rint(whole), -127, 127).astype(np.int64), scale


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(
    ("m", "n", "k"), [(0, 3, 4), (3, 0, 4), (3, 5, 0), (1, 7, 9), (9, 33, 70), (40, 50, 200)]
)
def test_quantized_linear_is_bit_for_bit_what_it_declares(run, random, with_bias, m, n, k):
    x = random.standard_normal((m, k)).astype(np.float32)
    if m >= 9:
        x[0], x[1, 2], x[2] = 0, 300.5, x[2] * np.float32(1e-43)  # no number, an outlier, denormal ones
        x[3] = np.float32(2.5) / 127 * np.arange(k) % 2.5  # many ties
    weight = random.integers(-127, 128, (n, k), dtype=np.int8)
    scale, bias = (random.uniform(0.01, 0.1, n).astype(np.float32) for _ in range(2))
    out = np.full((m, n), np.nan, np.float32)
    run("quantized_linear", out, x, weight, scale, bias if with_bias else None)
    whole, row_scale = quantized(x)
    expected = (whole @ weight.T.astype(np.int64)).astype(np.float32) * row_scale * scale
    np.testing.assert_array_equal(out, expected + bias if with_bias else expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_give_nan(run, random, value):
    x = random.standard_normal((12, 40)).astype(np.float32)
    x[5, 17] = value
    out = np.empty((12, 21), np.float32)
    run("quantized_linear", out, x, np.ones((21, 40), np.int8), np.ones(21, np.float32), None)
    np.testing.assert_array_equal(np.isnan(out), np.arange(12)[:, None] == np.full(21, 5))
