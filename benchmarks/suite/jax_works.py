"""The same works in JAX, each one `jit`-compiled function; a step waits for its result.

The networks have the parameters, biases and scales of those in models.py.  Images lie channels last, the
order that XLA's convolutions are made for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import jax_models
import numpy as np
from jax_models import normal
from kinds import LAYOUTS

Step = Callable[[], Any]


def build(name: str, *sizes: Any) -> Step:
    """Return the step of a work; `sizes` are its numbers in works.py."""
    jax.config.update("jax_enable_x64", "float64" in sizes)
    step: Step = globals()[name](*sizes)
    return step


def _timed(function: Callable[..., Any], *operands: Any) -> Step:
    compiled = jax.jit(function)
    return lambda: compiled(*operands).block_until_ready()


def gemm(m: int, k: int, n: int, dtype: str) -> Step:
    """Multiply two matrices."""
    return _timed(jnp.matmul, normal(m, k).astype(dtype), normal(k, n).astype(dtype))


def batched(count: int, m: int, k: int, n: int) -> Step:
    """Multiply matrices by pairs."""
    return _timed(lambda a, b: a @ b.swapaxes(1, 2), normal(count, m, k), normal(count, n, k))


def elementwise(name: str, count: int, operands: int) -> Step:
    """Apply a function."""
    functions = {"mul": jnp.multiply, "relu": jax.nn.relu, "gelu": partial(jax.nn.gelu, approximate=False)}
    rng = np.random.default_rng(0)
    xs = [jnp.asarray(rng.random(count, np.float32) + np.float32(0.5)) for _ in range(operands)]
    return _timed(functions.get(name) or getattr(jnp, name), *xs)


def layout(name: str, size: int) -> Step:
    """Add matrices of which one is a view or is broadcast."""
    return _timed(LAYOUTS[name], normal(size, size), normal(size, size))


def rows(name: str, count: int, length: int) -> Step:
    """Reduce or normalise rows."""
    functions = {
        "sum": lambda x: x.sum(-1),
        "sum of columns": lambda x: x.sum(0),
        "softmax": partial(jax.nn.softmax, axis=-1),
        "layer_norm": lambda x: jax_models.standardized(x, -1),
    }
    return _timed(functions[name], normal(count, length))


def training(name: str, *sizes: Any) -> Step:
    """One step of Adam on cross-entropy, all of it compiled; parameters and moments are updated in place."""
    model = jax_models.model(name, *sizes)
    labels = jnp.asarray(np.random.default_rng(0).integers(0, model.classes, model.targets))

    def loss(params: Any) -> Any:
        log = jax.nn.log_softmax(model.forward(params, model.x, train=True))
        return -jnp.take_along_axis(log, labels[..., None], -1).mean()

    @partial(jax.jit, donate_argnums=0)
    def update(state: Any) -> Any:
        params, mean, square, count = state
        value, grads = jax.value_and_grad(loss)(params)
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, grads)
        first, second = 1 - 0.9**count, 1 - 0.999**count
        params = jax.tree.map(
            lambda p, m, s: p - 1e-7 * (m / first) / (jnp.sqrt(s / second) + 1e-8), params, mean, square
        )
        return (params, mean, square, count), value

    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = [(model.params, zeros(model.params), zeros(model.params), jnp.zeros((), jnp.float32))]

    def step() -> Any:
        state[0], value = update(state[0])
        jax.block_until_ready(state[0])
        return value

    return step


def inference(name: str, *sizes: Any) -> Step:
    """A forward pass in evaluation mode."""
    model = jax_models.model(name, *sizes)
    return _timed(partial(model.forward, train=False), model.params, model.x)
