"""LSTM and GRU cells: values against NumPy, gradients against central differences."""

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("each_isa")

TOLERANCE = {"float32": 1e-6, "float64": 1e-14}
SIZES = [(0, 4), (1, 1), (3, 7), (2, 16), (5, 33), (40, 40)]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(gates, c_prev):
    """Return h, c and the activated gates."""
    i, f, g, o = np.split(gates, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g
    return o * np.tanh(c), c, np.concatenate([i, f, g, o], 1)


def gru(gi, gh, h_prev):
    """Return h and what the backward needs."""
    (ir, iz, i_n), (hr, hz, hn) = np.split(gi, 3, axis=1), np.split(gh, 3, axis=1)
    r, z = sigmoid(ir + hr), sigmoid(iz + hz)
    n = np.tanh(i_n + r * hn)
    return (1 - z) * n + z * h_prev, np.concatenate([r, z, n, hn], 1)


def numeric_gradient(f, x, step=1e-6):
    """Return the gradient of a scalar function by central differences."""
    grad = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[at] += step
        behind[at] -= step
        grad[at] = (f(ahead) - f(behind)) / (2 * step)
    return grad


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize(("rows", "hidden"), SIZES)
def test_lstm(run, random, dtype, rows, hidden):
    gates = (3 * random.standard_normal((rows, 4 * hidden))).astype(dtype)
    c_prev = random.standard_normal((rows, hidden)).astype(dtype)
    outs = np.empty_like(c_prev), np.empty_like(c_prev), np.empty_like(gates)
    run("lstm_cell", outs, gates, c_prev)
    for out, expected in zip(outs, lstm(gates.astype(float), c_prev.astype(float)), strict=True):
        np.testing.assert_allclose(out, expected, rtol=0, atol=4 * TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize(("rows", "hidden"), SIZES)
def test_gru(run, random, dtype, rows, hidden):
    gi, gh = (random.standard_normal((rows, 3 * hidden)).astype(dtype) for _ in range(2))
    h_prev = random.standard_normal((rows, hidden)).astype(dtype)
    outs = np.empty_like(h_prev), np.empty((rows, 4 * hidden), dtype)
    run("gru_cell", outs, gi, gh, h_prev)
    for out, expected in zip(outs, gru(*(x.astype(float) for x in (gi, gh, h_prev))), strict=True):
        np.testing.assert_allclose(out, expected, rtol=0, atol=4 * TOLERANCE[dtype])


@pytest.mark.parametrize(("rows", "hidden"), [(1, 1), (2, 5), (3, 9)])
def test_lstm_backward(run, random, rows, hidden):
    gates, c_prev = random.standard_normal((rows, 4 * hidden)), random.standard_normal((rows, hidden))
    dh, dc = random.standard_normal((2, rows, hidden))
    _, c, activated = lstm(gates, c_prev)
    outs = np.empty_like(gates), np.empty_like(c_prev)
    run("lstm_cell_backward", outs, dh, dc, activated, c_prev, c)

    def loss(gates, c_prev):
        h, c, _ = lstm(gates, c_prev)
        return (h * dh + c * dc).sum()

    np.testing.assert_allclose(outs[0], numeric_gradient(lambda x: loss(x, c_prev), gates), atol=1e-8)
    np.testing.assert_allclose(outs[1], numeric_gradient(lambda x: loss(gates, x), c_prev), atol=1e-8)


@pytest.mark.parametrize(("rows", "hidden"), [(1, 1), (2, 5), (3, 9)])
def test_gru_backward(run, random, rows, hidden):
    operands = [random.standard_normal((rows, k * hidden)) for k in (3, 3, 1)]
    dh = random.standard_normal((rows, hidden))
    _, saved = gru(*operands)
    outs = tuple(np.empty_like(x) for x in operands)
    run("gru_cell_backward", outs, dh, saved, operands[2])
    for i, out in enumerate(outs):

        def loss(x, i=i):
            return (gru(*operands[:i], x, *operands[i + 1 :])[0] * dh).sum()

        np.testing.assert_allclose(out, numeric_gradient(loss, operands[i]), atol=1e-8)


def test_float32_gradients_are_those_of_float64(run, random):
    gates, c_prev, c = (random.standard_normal((4, k * 9)).astype("float32") for k in (4, 1, 1))
    dh, dc = random.standard_normal((2, 4, 9)).astype("float32")
    operands = (dh, dc, sigmoid(gates), c_prev, c)
    single = run("lstm_cell_backward", (np.empty_like(gates), np.empty_like(c)), *operands)
    wide = tuple(x.astype("float64") for x in operands)
    double = run("lstm_cell_backward", (np.empty(gates.shape), np.empty(c.shape)), *wide)
    for a, b in zip(single, double, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
