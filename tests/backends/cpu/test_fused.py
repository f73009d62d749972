"""Softmax, losses, norms and optimizer steps against PyTorch's formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest

from rustorch_cpu.native import calls

pytestmark = pytest.mark.usefixtures("each_isa")

TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-12, "atol": 1e-13}}
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def log_softmax(x, dim):
    shifted = x - x.max(dim, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))


@both_dtypes
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 131), (131, 3), (4, 5, 33), (2, 40000), (600, 17)])
def test_softmax_family(run, random, dtype, shape):
    for dim in range(len(shape)):
        x, g = (random.normal(size=shape).astype(dtype) * 5 for _ in range(2))
        wide, g_wide = x.astype(np.float64), g.astype(np.float64)
        log_y = log_softmax(wide, dim)
        y = np.exp(log_y)
        expected = {
            "softmax": ((x,), y),
            "log_softmax": ((x,), log_y),
            "softmax_backward": ((g, y.astype(dtype)), y * (g_wide - (g_wide * y).sum(dim, keepdims=True))),
            "log_softmax_backward": ((g, log_y.astype(dtype)), g_wide - y * g_wide.sum(dim, keepdims=True)),
        }
        for op, (inputs, value) in expected.items():
            out = run(op, np.empty_like(x), *inputs, dim=dim)
            atol = 3e-5 if dtype == "float32" else 1e-12
            np.testing.assert_allclose(out, value, rtol=3e-5 if dtype == "float32" else 1e-11, atol=atol)


@both_dtypes
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy(run, random, dtype, weighted):
    rows, classes = 200, 37
    logits = random.normal(size=(rows, classes)).astype(dtype)
    target = random.integers(0, classes, rows)
    target[::7] = -100
    weight = random.uniform(size=classes).astype(dtype) if weighted else None
    loss, log_probs = run(
        "cross_entropy",
        (np.empty(rows, dtype), np.empty_like(logits)),
        logits,
        target,
        weight,
        ignore_index=-100,
    )
    expected = log_softmax(logits.astype(np.float64), 1)
    counted = target != -100
    chosen = np.where(counted, target, 0)
    scale = np.where(counted, 1.0 if weight is None else weight[chosen], 0.0)
    picked = expected[np.arange(rows), chosen]
    np.testing.assert_allclose(loss, -picked * scale, **TOLERANCE[dtype])
    np.testing.assert_allclose(log_probs, expected, **TOLERANCE[dtype])

    outs = np.empty((), dtype), np.empty_like(logits), np.empty((), dtype)
    mean, log_probs, divisor = run("cross_entropy_mean", outs, logits, target, weight, ignore_index=-100)
    np.testing.assert_allclose(divisor, scale.sum(), **TOLERANCE[dtype])
    np.testing.assert_allclose(mean, -(picked * scale).sum() / scale.sum(), **TOLERANCE[dtype])
    np.testing.assert_allclose(log_probs, expected, **TOLERANCE[dtype])

    g = random.normal(size=rows).astype(dtype)
    dx = run(
        "cross_entropy_backward",
        np.empty_like(logits),
        g,
        log_probs,
        target,
        weight,
        ignore_index=-100,
        kernel_dtype=dtype,
    )
    one_hot = np.eye(classes)[chosen]
    np.testing.assert_allclose(dx, (np.exp(expected) - one_hot) * (scale * g)[:, None], **TOLERANCE[dtype])


def test_cross_entropy_refuses_a_target_out_of_range(run):
    logits, target = np.zeros((2, 10), np.float32), np.array([3, 12])
    with pytest.raises(IndexError, match="target 12 is out of bounds for 10 classes"):
        run(
            "cross_entropy",
            (np.empty(2, np.float32), np.empty_like(logits)),
            logits,
            target,
            None,
            ignore_index=-100,
        )


@both_dtypes
@pytest.mark.parametrize(
    ("shape", "ndim"), [((4, 1), 1), ((33, 131), 1), ((3, 4, 5, 6), 2), ((2000, 64), 1), ((1, 7), 1)]
)
@pytest.mark.parametrize("affine", [False, True])
def test_layer_norm(run, random, dtype, shape, ndim, affine):
    x, g = (random.normal(size=shape).astype(dtype) + 3 for _ in range(2))
    row, lead = shape[len(shape) - ndim :], (*shape[: len(shape) - ndim], *[1] * ndim)
    w, b = (random.normal(size=row).astype(dtype) if affine else None for _ in range(2))
    outs = np.empty_like(x), np.empty(lead, dtype), np.empty(lead, dtype)
    y, mean, rstd = run("layer_norm", outs, x, w, b, ndim=ndim, eps=1e-5)

    axes = tuple(range(len(shape) - ndim, len(shape)))
    wide = x.astype(np.float64)
    mu, var = wide.mean(axes, keepdims=True), wide.var(axes, keepdims=True)
    h = (wide - mu) / np.sqrt(var + 1e-5)
    scale, shift = (1.0 if w is None else w), (0.0 if b is None else b)
    loose = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(y, h * scale + shift, **loose)
    np.testing.assert_allclose(mean, mu, **loose)

    outs = np.empty_like(x), np.empty(row, dtype), np.empty(row, dtype)
    dx, dw, db = run("layer_norm_backward", outs, g, x, mean, rstd, w, ndim=ndim)
    lead_axes = tuple(range(len(shape) - ndim))
    a = g * scale
    np.testing.assert_allclose(db, g.astype(np.float64).sum(lead_axes), **loose)
    np.testing.assert_allclose(dw, (g * h).sum(lead_axes), rtol=loose["rtol"], atol=loose["atol"] * 40)
    expected = (a - a.mean(axes, keepdims=True) - h * (a * h).mean(axes, keepdims=True)) * np.asarray(
        rstd, np.float64
    )
    if row != (1,):  # one element: 0 times a large rstd
        np.testing.assert_allclose(dx, expected, rtol=loose["rtol"], atol=loose["atol"] * 10)


@both_dtypes
@pytest.mark.parametrize(
    "shape", [(6, 3), (50, 130), (4, 5, 7), (8, 16, 10, 10), (3, 2, 1, 1), (64, 32, 16, 16)]
)
@pytest.mark.parametrize("affine", [False, True])
def test_batch_norm(run, random, dtype, shape, affine):
    x, g = (random.normal(size=shape).astype(dtype) + 2 for _ in range(2))
    channels = shape[1]
    w, b = (random.normal(size=channels).astype(dtype) if affine else None for _ in range(2))
    outs = np.empty_like(x), np.empty(channels, dtype), np.empty(channels, dtype)
    y, mean, rstd = run("batch_norm", outs, x, w, b, eps=1e-5)

    axes, per_channel = (0, *range(2, len(shape))), (1, channels, *[1] * (len(shape) - 2))
    wide = x.astype(np.float64)
    mu, var = wide.mean(axes, keepdims=True), wide.var(axes, keepdims=True)
    h = (wide - mu) / np.sqrt(var + 1e-5)
    scale = 1.0 if w is None else w.reshape(per_channel)
    shift = 0.0 if b is None else b.reshape(per_channel)
    loose = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(y, h * scale + shift, **loose)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(var.reshape(-1) + 1e-5), **loose)

    outs = np.empty_like(x), np.empty(channels, dtype), np.empty(channels, dtype)
    dx, dw, db = run("batch_norm_backward", outs, g, x, mean, rstd, w)
    expected = (
        (g - g.mean(axes, keepdims=True) - h * (g * h).mean(axes, keepdims=True))
        * scale
        / np.sqrt(var + 1e-5)
    )
    np.testing.assert_allclose(dw, (g * h).sum(axes), rtol=1e-4, atol=loose["atol"] * 20)
    np.testing.assert_allclose(db, g.astype(np.float64).sum(axes), rtol=1e-5)
    np.testing.assert_allclose(dx, expected, rtol=loose["rtol"] * 10, atol=loose["atol"] * 2)


@both_dtypes
@pytest.mark.parametrize("shape", [(0, 3), (5, 130), (4, 3, 1, 7), (2, 5, 131), (30, 20, 8, 9)])
def test_channel_affine(run, random, dtype, shape):
    x = random.normal(size=shape).astype(dtype)
    scale, shift = (random.normal(size=shape[1]).astype(dtype) for _ in range(2))
    per_channel = (shape[1], *[1] * (len(shape) - 2))
    expected = x.astype(np.float64) * scale.reshape(per_channel) + shift.reshape(per_channel)
    np.testing.assert_allclose(
        run("channel_affine", np.empty_like(x), x, scale, shift), expected, **TOLERANCE[dtype]
    )


@both_dtypes
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 70, 40), (40, 3, 17), (2, 9000, 3)])
def test_softmax_of_rows_with_nan_and_infinity(run, random, dtype, shape, dim):
    x = random.normal(size=shape).astype(dtype)
    first, second = ([slice(None) if d == dim else k for d in range(3)] for k in (0, 1))
    x[tuple(first)][-1] = np.nan
    x[tuple(second)] = -np.inf
    x[tuple(second)][0] = 5
    y = run("softmax", np.empty_like(x), x, dim=dim)
    assert np.isnan(y[tuple(first)]).all()
    assert y[tuple(second)][0] == 1
    assert not y[tuple(second)][1:].any()
    rest = np.isfinite(x).all(dim)
    np.testing.assert_allclose(np.moveaxis(y, dim, -1)[rest].sum(-1), 1, rtol=1e-5)


@both_dtypes
@pytest.mark.parametrize("n", [1, 15, 16, 17, 130, 50_000])
@pytest.mark.parametrize(("momentum", "nesterov", "maximize"), [(0.0, 0, 0), (0.9, 0, 1), (0.9, 1, 0)])
def test_sgd(run, random, dtype, n, momentum, nesterov, maximize):
    p, g, m = (random.normal(size=n).astype(dtype) for _ in range(3))
    hyper = np.array([0.1, momentum, 0.2, 0.01, nesterov, 0, maximize])
    grad = (-g if maximize else g) + 0.01 * p
    buffer = momentum * m + 0.8 * grad
    step = grad if momentum == 0 else grad + momentum * buffer if nesterov else buffer
    expected = p - 0.1 * step
    param, moment = run("sgd_step", (p.copy(), m.copy() if momentum else None), g, hyper)
    np.testing.assert_allclose(param, expected, **TOLERANCE[dtype])
    if momentum:
        np.testing.assert_allclose(moment, buffer, **TOLERANCE[dtype])


@both_dtypes
@pytest.mark.parametrize("n", [1, 17, 130, 50_000])
@pytest.mark.parametrize(("decoupled", "amsgrad"), [(0, False), (1, False), (0, True)])
def test_adam(run, random, dtype, n, decoupled, amsgrad):
    p, g, m = (random.normal(size=n).astype(dtype) for _ in range(3))
    v, most = (random.uniform(0.1, 1, n).astype(dtype) for _ in range(2))
    lr, beta1, beta2, eps, decay, step = 0.01, 0.9, 0.999, 1e-8, 0.1, 3.0
    x = p * (1 - lr * decay) if decoupled else p
    grad = g if decoupled else g + decay * p
    m2, v2 = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    largest = np.maximum(most, v2) if amsgrad else v2
    expected = x - lr / (1 - beta1**step) * m2 / (np.sqrt(largest) / np.sqrt(1 - beta2**step) + eps)
    hyper = np.array([lr, beta1, beta2, eps, decay, step, decoupled, 0])
    out = run("adam_step", (p.copy(), m.copy(), v.copy(), most.copy() if amsgrad else None), g, hyper)
    for got, value in zip(out, (expected, m2, v2, largest if amsgrad else None), strict=True):
        if got is not None:
            np.testing.assert_allclose(got, value, **TOLERANCE[dtype])


@both_dtypes
@pytest.mark.parametrize("op", ["sgd_step", "adam_step"])
def test_steps_of_many_parameters_in_one_call(make_view, kernel_of, random, dtype, op):
    """Bit for bit what one call each gives, empty and long ones among them."""
    slots = 1 if op == "sgd_step" else 3
    numbers = {"sgd_step": [0.1, 0.9, 0.2, 0.01, 0, 0, 1], "adam_step": [0.1, 0.9, 0.99, 1e-8, 0.1, 3, 1, 0]}
    hyper = make_view(np.array(numbers[op]))
    kernel = kernel_of(op, dtype)
    sizes = [3, 0, 20_000, 1, 16_384, 129, 40_001]
    rows = [[random.uniform(0.1, 1, n).astype(dtype) for _ in range(slots + 2)] for n in sizes]
    twins = [[x.copy() for x in row] for row in rows]

    def operands(row):
        *changed, gradient = map(make_view, row)
        return tuple(changed) if len(row[0]) != 129 else (*changed[:-1], None), gradient

    changed, gradients = zip(*map(operands, rows), strict=True)
    kernel.many(list(changed), list(gradients), hyper)
    for row, twin in zip(rows, twins, strict=True):
        kernel(*operands(twin), hyper)
        for got, expected in zip(row, twin, strict=True):
            np.testing.assert_array_equal(got, expected)
    assert not np.array_equal(rows[0][0], rows[0][-1])


def test_a_table_of_updates_takes_tensors_only(make_view):
    x = make_view(np.zeros(3))
    for changed, gradient in ((x, 1), x), ((None, x), x), (x, x), ((x,) * 5, x), ((), x), ((x,), 3):
        with pytest.raises(TypeError, match="a parameter with up to 3 slots, and a tensor, are required"):
            calls.update_table([changed], [gradient])
    with pytest.raises(ValueError, match="as many gradients as parameters are required, got 2 and 1"):
        calls.update_table([(x,)], [x, x])
