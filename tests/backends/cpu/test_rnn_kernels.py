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


# -- layers ----------------------------------------------------------------------------------------------


def states_of(kind, gates, h0, w_hh, *, reverse, running, c0=None, b_hh=None):
    """Return the states of all steps, step by step in float64."""
    h, c = h0.copy(), None if c0 is None else c0.copy()
    out = np.empty((*gates.shape[:2], h0.shape[1]))
    for t in range(len(gates))[:: -1 if reverse else 1]:
        n = len(h0) if running is None else running[t]
        product = h[:n] @ w_hh.T
        if kind == "lstm":
            h[:n], c[:n], _ = lstm(gates[t, :n] + product, c[:n])
        elif kind == "gru":
            h[:n], _ = gru(gates[t, :n], product + b_hh, h[:n])
        else:
            total = gates[t, :n] + product
            h[:n] = np.tanh(total) if kind == "tanh" else np.maximum(total, 0)
        out[t] = h
    return out


GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
LAYER_SIZES = [(1, 1, 1), (3, 0, 4), (2, 3, 7), (4, 13, 33), (3, 1, 70), (2, 40, 65), (2, 7, 130)]


def layer_case(kind, random, steps, rows, hidden, *, lengths):
    """Return float64 operands of a layer, by name."""
    operands = {
        "gates": random.standard_normal((steps, rows, GATES[kind] * hidden)),
        "h0": random.standard_normal((rows, hidden)),
        "w_hh": random.standard_normal((GATES[kind] * hidden, hidden)) / np.sqrt(hidden),
    }
    if kind == "lstm":
        operands["c0"] = random.standard_normal((rows, hidden))
    if kind == "gru":
        operands["b_hh"] = random.standard_normal(3 * hidden)
    running = tuple(rows * (steps - t) // steps for t in range(steps)) if lengths else None
    return operands, running


def run_layer(run, kind, x, **attrs):
    """Return all results of the kernel."""
    states = np.empty((*x["gates"].shape[:2], x["h0"].shape[1]), x["gates"].dtype)
    if kind == "lstm":
        outs = states, np.empty_like(states), np.empty_like(x["gates"])
        return run("lstm_layer", outs, x["gates"], x["h0"], x["c0"], x["w_hh"], **attrs)
    if kind == "gru":
        outs = states, np.empty((*states.shape[:2], 4 * states.shape[2]), states.dtype)
        return run("gru_layer", outs, x["gates"], x["h0"], x["w_hh"], x["b_hh"], **attrs)
    return (run("rnn_layer", states, x["gates"], x["h0"], x["w_hh"], relu=kind == "relu", **attrs),)


def run_layer_backward(run, kind, x, saved, g, **attrs):
    """Return the gradients of gates and first state, and of the first cell if there is one."""
    outs = [np.empty_like(x["gates"]), np.empty_like(x["h0"])]
    if kind == "lstm":
        outs.append(np.empty_like(x["h0"]))
        _, c, activated = saved
        return run("lstm_layer_backward", tuple(outs), g, None, activated, c, x["c0"], x["w_hh"], **attrs)
    if kind == "gru":
        outs.insert(1, np.empty_like(x["gates"]))
        h, kept = saved
        d_gi, _, d_h0 = run("gru_layer_backward", tuple(outs), g, kept, h, x["h0"], x["w_hh"], **attrs)
        return d_gi, d_h0
    relu = kind == "relu"
    return run("rnn_layer_backward", tuple(outs), g, saved[0], x["w_hh"], relu=relu, **attrs)


@pytest.mark.parametrize("dtype", sorted(TOLERANCE))
@pytest.mark.parametrize("sizes", LAYER_SIZES)
@pytest.mark.parametrize("kind", sorted(GATES))
def test_layer(run, random, kind, sizes, dtype):
    for reverse, lengths in ((False, False), (True, False), (False, True), (True, True)):
        x, running = layer_case(kind, random, *sizes, lengths=lengths)
        expected = states_of(kind, **x, reverse=reverse, running=running)
        narrow = {name: value.astype(dtype) for name, value in x.items()}
        h, *_ = run_layer(run, kind, narrow, reverse=reverse, running=running)
        np.testing.assert_allclose(h, expected, rtol=0, atol=40 * TOLERANCE[dtype])


@pytest.mark.parametrize(("reverse", "lengths"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("kind", sorted(GATES))
def test_layer_backward(run, random, kind, reverse, lengths):
    x, running = layer_case(kind, random, 3, 3, 5, lengths=lengths)
    attrs = {"reverse": reverse, "running": running}
    saved = run_layer(run, kind, x, **attrs)
    g = random.standard_normal(saved[0].shape)
    found = run_layer_backward(run, kind, x, saved, g, **attrs)
    for name, gradient in zip(("gates", "h0", "c0"), found, strict=False):

        def loss(value, name=name):
            return (states_of(kind, **{**x, name: value}, **attrs) * g).sum()

        np.testing.assert_allclose(gradient, numeric_gradient(loss, x[name]), atol=1e-7)


def test_layer_gradients_in_float32_are_those_of_float64(run, random):
    for kind in GATES:
        x, _ = layer_case(kind, random, 3, 9, 70, lengths=False)
        g = random.standard_normal((3, 9, 70))
        found = []
        for dtype in ("float32", "float64"):
            y = {name: value.astype(dtype) for name, value in x.items()}
            attrs = {"reverse": False, "running": None}
            saved = run_layer(run, kind, y, **attrs)
            found.append(run_layer_backward(run, kind, y, saved, g.astype(dtype), **attrs))
        for single, double in zip(*found, strict=True):
            np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)
