"""Activations by name, as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch import nn
from rustorch.errors import ArgumentError
from rustorch.training.errors import did_you_mean
from rustorch.training.layers import checks
from rustorch.training.layers.table import Build, layer

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softmax": nn.Softmax,
    "log_softmax": nn.LogSoftmax,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
}
#: Softmax is over the last dim, where a Dense layer has its units.
_OPTIONS = {"softmax": {"dim": -1}, "log_softmax": {"dim": -1}}
_NONE = ("linear", "none", None)


def activation(name: Any, *, owner: str) -> list[Any]:
    """Return a list of the activation's module; of nothing for ``linear``.

    Raises:
        ArgumentError: if there is no activation of that name.
    """
    key = name.lower() if isinstance(name, str) else name
    if key in _NONE:
        return []
    if key not in ACTIVATIONS:
        raise ArgumentError(
            f"{owner}: no activation {name!r}{did_you_mean(str(name), ACTIVATIONS)}",
            hint=f"the activations are linear, {', '.join(ACTIVATIONS)}",
        )
    return [ACTIVATIONS[key](**_OPTIONS.get(key, {}))]


@layer("Activation", example="Activation(relu)")
def activation_layer(function: str) -> Build:
    """An activation by name."""
    activation(function, owner="Activation")
    return lambda _shape: activation(function, owner="Activation")


def _enter(name: str, key: str) -> None:
    @layer(name, example=f"{name}()")
    def plain() -> Build:
        return lambda _shape: activation(key, owner=name)


for _name, _key in {
    "ReLU": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "Softmax": "softmax", "GELU": "gelu", "SiLU": "silu",
}.items():  # fmt: skip
    _enter(_name, _key)


@layer("LeakyReLU", example="LeakyReLU(0.01)")
def leaky_relu(negative_slope: float = 0.01) -> Build:
    """``max(x, 0) + negative_slope * min(x, 0)``."""
    slope = checks.number("LeakyReLU", "negative_slope", negative_slope)
    return lambda _shape: [nn.LeakyReLU(slope)]


@layer("ELU", example="ELU(1.0)")
def elu(alpha: float = 1.0) -> Build:
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below."""
    scale = checks.number("ELU", "alpha", alpha)
    return lambda _shape: [nn.ELU(scale)]
