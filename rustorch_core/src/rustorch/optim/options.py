"""Checks of hyper-parameters, so that every optimizer says the same about the same mistake."""

from __future__ import annotations

from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError

_FLAGS = (
    "nesterov",
    "amsgrad",
    "centered",
    "maximize",
    "differentiable",
    "capturable",
    "decoupled_weight_decay",
)


def number(
    name: str, group: dict[str, Any], key: str, *, low: float = 0.0, below: float = float("inf")
) -> None:
    """Raise unless ``low <= group[key] < below``."""
    value = group[key]
    if isinstance(value, TensorBase) and value.shape.elements == 1:
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArgumentTypeError(f"{name}: {key} must be a number, got {type(value).__name__}")
    if not low <= value < below:
        limit = f"at least {low:g}" + (f" and below {below:g}" if below != float("inf") else " and finite")
        raise ArgumentError(f"{name}: {key} must be {limit}, got {value}")


def betas(name: str, group: dict[str, Any]) -> None:
    """Raise unless ``group["betas"]`` is a pair of numbers in [0, 1)."""
    pair = group["betas"]
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ArgumentTypeError(f"{name}: betas must be a pair of numbers, got {pair!r}")
    for i, beta in enumerate(pair):
        number(name, {f"betas[{i}]": beta}, f"betas[{i}]", below=1.0)


def hints(name: str, group: dict[str, Any]) -> None:
    """Raise if an option of PyTorch is asked for that there is not."""
    for key in _FLAGS:
        if key in group and not isinstance(group[key], bool):
            raise ArgumentTypeError(f"{name}: {key} must be True or False, got {type(group[key]).__name__}")
    if group.get("differentiable"):
        raise ArgumentError(f"{name}: differentiable=True is not supported, a step is never recorded")
