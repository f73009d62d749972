"""The networks of models.py in JAX: parameters in dictionaries, and functions of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from models import VOCABULARY


@dataclass(frozen=True)
class Model:
    """A network and its input.

    Attributes:
        params: the parameters, as nested dictionaries and lists.
        forward: given params, x and whether it trains, returns scores per class.
        x: the input.
        targets: the shape of the labels.
        classes: how many there are.
    """

    params: Any
    forward: Callable[..., Any]
    x: Any
    targets: tuple[int, ...]
    classes: int = 10


def model(name: str, *sizes: Any) -> Model:
    """Return a network by its name in models.py."""
    made: Model = globals()[name](*sizes)
    return made


def normal(*shape: int) -> Any:
    """Return random numbers."""
    return jnp.asarray(np.random.default_rng(sum(shape)).standard_normal(shape, np.float32))


def standardized(x: Any, axis: int | tuple[int, ...]) -> Any:
    """Return `x` less its mean over its deviation."""
    return (x - x.mean(axis, keepdims=True)) * jax.lax.rsqrt(x.var(axis, keepdims=True) + 1e-5)


def _linear(n: int, m: int) -> dict[str, Any]:
    return {"w": normal(n, m) / np.sqrt(n).astype(np.float32), "b": jnp.zeros(m)}


def _apply(layer: dict[str, Any], x: Any) -> Any:
    return x @ layer["w"] + layer["b"]


def _norm(width: int) -> dict[str, Any]:
    return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}


def _normed(norm: dict[str, Any], x: Any) -> Any:
    return standardized(x, -1) * norm["scale"] + norm["shift"]


def _dense(layers: list[Any], x: Any) -> Any:
    for layer in layers[:-1]:
        x = jax.nn.relu(_apply(layer, x))
    return _apply(layers[-1], x)


def mlp(sizes: tuple[int, ...], batch: int) -> Model:
    """A perceptron."""
    layers = [_linear(n, m) for n, m in pairwise(sizes)]
    return Model(layers, lambda params, x, train: _dense(params, x), normal(batch, sizes[0]), (batch,))  # noqa: ARG005


def _kernel(size: int, inner: int, outer: int) -> Any:
    return normal(size, size, inner, outer) / np.sqrt(size * size * inner).astype(np.float32)


def _convolved(w: Any, x: Any, stride: int, pad: int) -> Any:
    return jax.lax.conv_general_dilated(
        x, w, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def lenet(batch: int) -> Model:
    """LeNet-5."""

    def stage(layer: Any, x: Any, pad: int) -> Any:
        y = jax.nn.relu(_convolved(layer["w"], x, 1, pad) + layer["b"])
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(params: Any, x: Any, *, train: bool) -> Any:
        del train
        x = stage(params["c2"], stage(params["c1"], x, 2), 0)
        return _dense(params["dense"], x.reshape(batch, -1))

    params = {
        "c1": {"w": _kernel(5, 1, 6), "b": jnp.zeros(6)},
        "c2": {"w": _kernel(5, 6, 16), "b": jnp.zeros(16)},
        "dense": [_linear(400, 120), _linear(120, 84), _linear(84, 10)],
    }
    return Model(params, forward, normal(batch, 28, 28, 1), (batch,))


def _convolution(size: int, inner: int, outer: int) -> dict[str, Any]:
    return {"w": _kernel(size, inner, outer), "norm": _norm(outer)}


def _convolution_normed(layer: Any, x: Any, stride: int, pad: int, *, train: bool) -> Any:
    """Convolve and normalise; in evaluation by fixed statistics (0 and 1, which the compiler cannot use)."""
    y, norm = _convolved(layer["w"], x, stride, pad), layer["norm"]
    return (standardized(y, (0, 1, 2)) if train else y) * norm["scale"] + norm["shift"]


def resnet18(batch: int) -> Model:
    """ResNet-18 for small images."""

    def block(p: Any, x: Any, *, train: bool) -> Any:
        stride = 2 if "shortcut" in p else 1
        y = jax.nn.relu(_convolution_normed(p["c1"], x, stride, 1, train=train))
        y = _convolution_normed(p["c2"], y, 1, 1, train=train)
        if "shortcut" in p:
            x = _convolution_normed(p["shortcut"], x, stride, 0, train=train)
        return jax.nn.relu(y + x)

    def forward(params: Any, x: Any, *, train: bool) -> Any:
        x = jax.nn.relu(_convolution_normed(params["stem"], x, 1, 1, train=train))
        for p in params["blocks"]:
            x = block(p, x, train=train)
        return _apply(params["head"], x.mean((1, 2)))

    blocks, inner = [], 64
    for width in (64, 128, 256, 512):
        for _ in range(2):
            p = {"c1": _convolution(3, inner, width), "c2": _convolution(3, width, width)}
            if inner != width:
                p["shortcut"] = _convolution(1, inner, width)
            blocks.append(p)
            inner = width
    params = {"stem": _convolution(3, 3, 64), "blocks": blocks, "head": _linear(512, 10)}
    return Model(params, forward, normal(batch, 32, 32, 3), (batch,))


def gpt(width: int, layers: int, length: int, heads: int, batch: int) -> Model:
    """A decoder-only transformer."""
    mask = jnp.tril(jnp.ones((length, length), bool))

    def layer(p: Any, x: Any) -> Any:
        parts = _apply(p["into"], _normed(p["before"], x)).reshape(batch, length, 3, heads, width // heads)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.swapaxes(-1, -2) / np.float32(np.sqrt(width // heads))
        seen = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v
        x = x + _apply(p["out"], seen.transpose(0, 2, 1, 3).reshape(batch, length, width))
        up = jax.nn.gelu(_apply(p["up"], _normed(p["after"], x)), approximate=False)
        return x + _apply(p["down"], up)

    def forward(params: Any, tokens: Any, *, train: bool) -> Any:
        del train
        x = params["tokens"][tokens] + params["places"]
        for p in params["layers"]:
            x = layer(p, x)
        return _apply(params["head"], _normed(params["norm"], x))

    def one() -> dict[str, Any]:
        return {
            "before": _norm(width),
            "into": _linear(width, 3 * width),
            "out": _linear(width, width),
            "after": _norm(width),
            "up": _linear(width, 4 * width),
            "down": _linear(4 * width, width),
        }

    params = {
        "tokens": normal(VOCABULARY, width),
        "places": normal(length, width),
        "layers": [one() for _ in range(layers)],
        "norm": _norm(width),
        "head": _linear(width, VOCABULARY),
    }
    tokens = jnp.asarray(np.random.default_rng(1).integers(0, VOCABULARY, (batch, length)))
    return Model(params, forward, tokens, (batch, length), VOCABULARY)


def lstm(batch: int, length: int) -> Model:
    """Two LSTM layers, as scans."""

    def layer(p: Any, x: Any) -> Any:
        def cell(state: Any, into: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(into + _apply(p["again"], h), 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((batch, 256))
        inputs = _apply(p["into"], x).swapaxes(0, 1)
        return jax.lax.scan(cell, (zeros, zeros), inputs)[1].swapaxes(0, 1)

    def forward(params: Any, x: Any, *, train: bool) -> Any:
        del train
        for p in params["layers"]:
            x = layer(p, x)
        return _apply(params["head"], x[:, -1])

    layers = [{"into": _linear(n, 1024), "again": _linear(256, 1024)} for n in (128, 256)]
    return Model({"layers": layers, "head": _linear(256, 10)}, forward, normal(batch, length, 128), (batch,))
