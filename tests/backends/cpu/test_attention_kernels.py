"""Attention against the whole matrix of scores in float64, for every instruction set."""

import numpy as np
import pytest

from rustorch.testing import assert_close
from rustorch.testing.op_cases import op_cases

pytestmark = pytest.mark.usefixtures("each_isa")

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
# batch, heads, queries, keys, width, value width
SIZES = [
    (1, 1, 1, 1, 1, 1),
    (2, 3, 7, 5, 4, 6),
    (1, 2, 40, 40, 8, 8),
    (1, 1, 3, 0, 4, 5),
    (0, 2, 3, 4, 4, 5),
    (1, 2, 0, 4, 4, 5),
    (1, 2, 130, 300, 33, 17),
    (1, 1, 300, 130, 64, 64),
]


def reference(q, k, v, mask, causal, scale, g):
    """Return out, lse, dq, dk, dv."""
    q, k, v, g = (x.astype(np.float64) for x in (q, k, v, g))
    scores = q @ k.swapaxes(-1, -2) * scale + (0 if mask is None else mask)
    if causal:
        scores = np.where(np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None], scores, -np.inf)
    largest = scores.max(-1, keepdims=True, initial=-np.inf)
    largest[largest == -np.inf] = 0
    p = np.exp(scores - largest)
    total = p.sum(-1, keepdims=True)
    p = p / np.where(total == 0, 1, total)
    with np.errstate(divide="ignore"):
        lse = (np.log(total) + largest)[..., 0]
    out, dp = p @ v, g @ v.swapaxes(-1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * scale
    return out, lse, ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g


def check(run, q, k, v, mask, causal, random):
    """Run both kernels and compare all five results."""
    dtype, scale = q.dtype, 0.37
    g = random.standard_normal((*q.shape[:3], v.shape[3])).astype(dtype)
    options = {"causal": causal, "scale": scale}
    out, lse = np.full(g.shape, np.nan, dtype), np.full(q.shape[:3], np.nan, dtype)
    run("attention", (out, lse), q, k, v, mask, **options)
    grads = tuple(np.full(x.shape, np.nan, dtype) for x in (q, k, v))
    run("attention_backward", grads, g, q, k, v, out, lse, mask, **options)
    for actual, expected in zip((out, lse, *grads), reference(q, k, v, mask, causal, scale, g), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[dtype.name], atol=TOLERANCE[dtype.name])


def operands(random, size, dtype):
    batch, heads, queries, keys, width, value_width = size
    shapes = [(queries, width), (keys, width), (keys, value_width)]
    return [random.standard_normal((batch, heads, *shape)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_attention(run, random, dtype, causal, size):
    check(run, *operands(random, size, dtype), None, causal, random)


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", [SIZES[1], SIZES[6]])
def test_mask_that_hides_whole_rows(run, random, dtype, causal, size):
    q, k, v = operands(random, size, dtype)
    mask = random.standard_normal((q.shape[2], k.shape[2])).astype(dtype)
    mask[random.random(mask.shape) < 0.3] = -np.inf
    mask[2] = -np.inf
    check(run, q, k, v, np.broadcast_to(mask, (*q.shape[:2], *mask.shape)), causal, random)


def test_padding_mask_is_broadcast_over_queries(run, random):
    q, k, v = operands(random, SIZES[1], "float32")
    mask = np.where(random.random((2, 1, 1, 5)) < 0.4, -np.inf, 0).astype("float32")
    check(run, q, k, v, np.broadcast_to(mask, (2, 3, 7, 5)), False, random)
    column = random.standard_normal((2, 3, 7, 1)).astype("float32")
    check(run, q, k, v, np.broadcast_to(column, (2, 3, 7, 5)), False, random)


def test_heads_may_be_interleaved(run, random):
    q, k, v = (x.swapaxes(1, 2).copy().swapaxes(1, 2) for x in operands(random, SIZES[1], "float32"))
    check(run, q, k, v, None, True, random)
    check(run, q[..., ::-1], k[..., ::2, :], v[..., ::2, ::-1], None, False, random)


def test_large_scores_do_not_overflow(run, random):
    q, k, v = operands(random, (1, 1, 5, 600, 8, 4), "float32")
    out, lse = np.empty((1, 1, 5, 4), "float32"), np.empty((1, 1, 5), "float32")
    run("attention", (out, lse), 300 * q, 300 * k, v, None, causal=False, scale=1.0)
    expected = reference(300 * q, 300 * k, v, None, False, 1.0, out)
    np.testing.assert_allclose(out, expected[0], rtol=0.05, atol=0.05)
    np.testing.assert_allclose(lse, expected[1], rtol=1e-5)


def test_nan_stays_in_its_row(run, random):
    q, k, v = operands(random, SIZES[2], "float32")
    q[0, 1, 4, 2] = np.nan
    out, lse = np.empty((1, 2, 40, 8), "float32"), np.empty((1, 2, 40), "float32")
    run("attention", (out, lse), q, k, v, None, causal=True, scale=1.0)
    assert np.isnan(out[0, 1, 4]).all()
    assert np.isnan(out).sum() == 8


def test_operands_of_the_gradient_may_have_any_strides():
    case = op_cases("attention_backward")[0]
    found = []
    for layout in ("contiguous", "strided"):
        out, inputs = case.build("cpu", layout=layout)
        case.run(out, inputs)
        found.append(out)
    assert_close(found[0], found[1], rtol=1e-13, atol=1e-14)
