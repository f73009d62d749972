"""Pooling against loops over windows, for every instruction set."""

import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("each_isa")

# (n, c, h, w), (oh, ow), kernel, stride, padding, dilation
CASES = [
    ((2, 3, 8, 8), (4, 4), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((1, 2, 9, 7), (5, 4), (3, 3), (2, 2), (1, 1), (1, 1)),
    ((1, 2, 9, 7), (5, 4), (2, 2), (2, 2), (0, 0), (1, 1)),  # ceil_mode: the last windows are cut
    ((2, 1, 40, 37), (38, 35), (3, 3), (1, 1), (0, 0), (1, 1)),
    ((1, 1, 12, 15), (4, 5), (3, 2), (2, 3), (1, 1), (2, 1)),
    ((1, 1, 5, 5), (1, 1), (5, 5), (5, 5), (0, 0), (1, 1)),
    ((3, 2, 1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((0, 2, 4, 4), (2, 2), (2, 2), (2, 2), (0, 0), (1, 1)),
    ((300, 64, 4, 4), (2, 2), (2, 2), (2, 2), (0, 0), (1, 1)),
]
DTYPES = ["float32", "float64"]


def windows(case):
    """Yield (output pixel, its rows, its columns), without the padding."""
    (_, _, h, w), out, kernel, stride, padding, dilation = case
    axes = []
    for size, count, k, s, p, d in zip((h, w), out, kernel, stride, padding, dilation, strict=True):
        seen = [[q * s - p + tap * d for tap in range(k)] for q in range(count)]
        axes.append([[i for i in pixels if 0 <= i < size] for pixels in seen])
    for (i, rows), (j, cols) in itertools.product(enumerate(axes[0]), enumerate(axes[1])):
        yield i, j, np.array(rows), np.array(cols)


def max_pool(run, case, x):
    shape = (*x.shape[:2], *case[1])
    out = np.full(shape, np.nan, x.dtype), np.full(shape, -9, np.int64)
    names = ("kernel_size", "stride", "padding", "dilation")
    return run("max_pool2d", out, x, **dict(zip(names, case[2:], strict=True)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_max_pool(run, random, dtype, case):
    x = random.integers(-3, 3, case[0]).astype(dtype)
    values, indices = max_pool(run, case, x)
    for i, j, rows, cols in windows(case):
        seen = x[:, :, rows[:, None], cols].reshape(*x.shape[:2], len(rows) * len(cols))
        where = (rows[:, None] * x.shape[3] + cols).reshape(-1)
        np.testing.assert_array_equal(values[:, :, i, j], seen.max(-1))
        np.testing.assert_array_equal(indices[:, :, i, j], where[seen.argmax(-1)])


def test_max_pool_of_nan_and_of_minus_infinity(run):
    x = np.full((1, 1, 2, 6), -np.inf, np.float32)
    x[0, 0, :, 2:4] = [[1, np.nan], [5, 2]]
    values, indices = max_pool(run, ((1, 1, 2, 6), (1, 3), (2, 2), (2, 2), (0, 0), (1, 1)), x)
    np.testing.assert_array_equal(values[0, 0, 0], [-np.inf, np.nan, -np.inf])
    np.testing.assert_array_equal(indices[0, 0, 0], [0, 3, 4])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_max_pool_backward(run, random, dtype, case):
    x = random.standard_normal(case[0]).astype(dtype)
    _, indices = max_pool(run, case, x)
    g = random.integers(-9, 9, indices.shape).astype(dtype)
    out = run("max_pool2d_backward", np.full_like(x, np.nan), g, indices)
    expected = np.zeros((x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]))
    for plane in range(len(expected)):
        image, channel = divmod(plane, x.shape[1])
        np.add.at(expected[plane], indices[image, channel].ravel(), g[image, channel].ravel())
    np.testing.assert_array_equal(out, expected.reshape(x.shape))


def divisor(case, i, j, rows, cols, count_include_pad, divisor_override):
    """Return what a window's sum is divided by."""
    if divisor_override:
        return divisor_override
    if not count_include_pad:
        return len(rows) * len(cols)
    (_, _, h, w), _, kernel, stride, padding, _ = case
    sides = [
        min(q * s - p + k, size + p) - (q * s - p)
        for q, size, k, s, p in zip((i, j), (h, w), kernel, stride, padding, strict=True)
    ]
    return sides[0] * sides[1]


AVERAGES = [(True, None), (False, None), (True, 7)]
MEAN_CASES = [case for case in CASES if case[5] == (1, 1)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("count_include_pad", "divisor_override"), AVERAGES)
@pytest.mark.parametrize("case", MEAN_CASES)
def test_avg_pool_and_backward(run, random, dtype, count_include_pad, divisor_override, case):
    options = {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    attributes = dict(zip(("kernel_size", "stride", "padding"), case[2:5], strict=True), **options)
    x = random.standard_normal(case[0]).astype(dtype)
    g = random.standard_normal((*x.shape[:2], *case[1])).astype(dtype)
    expected, expected_grad = np.zeros(g.shape), np.zeros(x.shape)
    for i, j, rows, cols in windows(case):
        by = divisor(case, i, j, rows, cols, **options)
        expected[:, :, i, j] = x[:, :, rows[:, None], cols].sum((-1, -2)) / by
        expected_grad[:, :, rows[:, None], cols] += g[:, :, i, j, None, None] / by
    close = {"rtol": 0, "atol": 1e-6 if dtype == "float32" else 1e-14}
    out = run("avg_pool2d", np.full_like(g, np.nan), x, **attributes)
    np.testing.assert_allclose(out, expected, **close)
    grad = run("avg_pool2d_backward", np.full_like(x, np.nan), g, **attributes)
    np.testing.assert_allclose(grad, expected_grad, **close)
