"""The same works in JAX, each one `jit`-compiled function; a step waits for its result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Step = Callable[[], Any]


def build(name: str, *sizes: Any) -> Step:
    """Return the step of a work; `sizes` are its numbers in works.py."""
    return globals()[name](*sizes)


def _timed(function: Callable[..., Any], *operands: Any) -> Step:
    compiled = jax.jit(function)
    return lambda: compiled(*operands).block_until_ready()


def _normal(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(sum(shape)).standard_normal(shape, np.float32))


def gemm(m: int, k: int, n: int) -> Step:
    """Multiply two matrices."""
    return _timed(jnp.matmul, _normal(m, k), _normal(k, n))


def elementwise(name: str, count: int, operands: int) -> Step:
    """Apply a function."""
    functions = {"mul": jnp.multiply, "relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False)}
    return _timed(functions.get(name) or getattr(jnp, name), *[jnp.abs(_normal(count)) + 0.5] * operands)


def rows(name: str, count: int, length: int) -> Step:
    """Reduce or normalise rows."""
    functions = {
        "sum": lambda x: x.sum(-1),
        "sum of columns": lambda x: x.sum(0),
        "softmax": partial(jax.nn.softmax, axis=-1),
        "layer_norm": _standardized,
    }
    return _timed(functions[name], _normal(count, length))


def _standardized(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def _training(forward: Callable[[Any, Any], Any], params: Any, x: Any, classes: int = 10) -> Step:
    """Return one step of Adam on cross-entropy, all of it compiled, parameters updated in place."""
    labels = jnp.asarray(np.random.default_rng(0).integers(0, classes, forward(params, x).shape[:-1]))

    def loss(params: Any) -> Any:
        log = jax.nn.log_softmax(forward(params, x))
        return -jnp.take_along_axis(log, labels[..., None], -1).mean()

    @partial(jax.jit, donate_argnums=0)
    def update(state: Any) -> Any:
        params, mean, square, count = state
        grads = jax.grad(loss)(params)
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, grads)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        params = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-8), params, mean, square)
        return params, mean, square, count

    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = [(params, zeros(params), zeros(params), jnp.zeros((), jnp.float32))]

    def step() -> None:
        state[0] = update(state[0])
        jax.block_until_ready(state[0])

    return step


def _linear(n: int, m: int) -> dict[str, Any]:
    return {"w": _normal(n, m) / np.sqrt(n).astype(np.float32), "b": jnp.zeros(m)}


def _apply(layer: dict[str, Any], x: Any) -> Any:
    return x @ layer["w"] + layer["b"]


def mlp(sizes: tuple[int, ...], batch: int) -> Step:
    """A perceptron."""

    def forward(params: Any, x: Any) -> Any:
        for layer in params[:-1]:
            x = jax.nn.relu(_apply(layer, x))
        return _apply(params[-1], x)

    return _training(forward, [_linear(n, m) for n, m in pairwise(sizes)], _normal(batch, sizes[0]))


def lenet(batch: int) -> Step:
    """LeNet-5."""

    def convolved(w: Any, x: Any, pad: int) -> Any:
        y = jax.lax.conv_general_dilated(x, w, (1, 1), [(pad, pad)] * 2)
        return jax.lax.reduce_window(
            jax.nn.relu(y), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
        )

    def forward(params: Any, x: Any) -> Any:
        x = convolved(params["c2"], convolved(params["c1"], x, 2), 0).reshape(x.shape[0], -1)
        for layer in params["dense"][:-1]:
            x = jax.nn.relu(_apply(layer, x))
        return _apply(params["dense"][-1], x)

    dense = [_linear(400, 120), _linear(120, 84), _linear(84, 10)]
    params = {"c1": _normal(6, 1, 5, 5) / 5, "c2": _normal(16, 6, 5, 5) / 12, "dense": dense}
    return _training(forward, params, _normal(batch, 1, 28, 28))


def gpt(width: int, layers: int, length: int, batch: int, heads: int) -> Step:
    """A decoder-only transformer."""
    vocabulary = 96
    mask = jnp.tril(jnp.ones((length, length), bool))

    def layer(p: Any, x: Any) -> Any:
        parts = _apply(p["into"], _standardized(x)).reshape(batch, length, 3, heads, width // heads)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(width // heads)
        seen = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v
        x = x + _apply(p["out"], seen.transpose(0, 2, 1, 3).reshape(batch, length, width))
        return x + _apply(p["down"], jax.nn.gelu(_apply(p["up"], _standardized(x)), approximate=False))

    def forward(params: Any, tokens: Any) -> Any:
        x = params["tokens"][tokens] + params["places"]
        for p in params["layers"]:
            x = layer(p, x)
        return _apply(params["head"], _standardized(x))

    one = {
        "into": (width, 3 * width),
        "out": (width, width),
        "up": (width, 4 * width),
        "down": (4 * width, width),
    }
    params = {
        "tokens": _normal(vocabulary, width),
        "places": _normal(length, width),
        "layers": [{name: _linear(*size) for name, size in one.items()} for _ in range(layers)],
        "head": _linear(width, vocabulary),
    }
    tokens = jnp.asarray(np.random.default_rng(1).integers(0, vocabulary, (batch, length)))
    return _training(forward, params, tokens, vocabulary)


def lstm(batch: int, length: int) -> Step:
    """Two LSTM layers, as scans."""

    def layer(p: Any, x: Any) -> Any:
        inputs = _apply(p["into"], x).swapaxes(0, 1)

        def cell(state: Any, into: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(into + _apply(p["again"], h), 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((batch, 256))
        return jax.lax.scan(cell, (zeros, zeros), inputs)[1].swapaxes(0, 1)

    def forward(params: Any, x: Any) -> Any:
        for p in params["layers"]:
            x = layer(p, x)
        return _apply(params["head"], x[:, -1])

    layers = [{"into": _linear(n, 1024), "again": _linear(256, 1024)} for n in (128, 256)]
    return _training(forward, {"layers": layers, "head": _linear(256, 10)}, _normal(batch, length, 128))
