"""Checks of layer arguments; each returns the value as the layer wants it."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.training.checks import count, share

__all__ = ["count", "flag", "number", "rank", "share", "sizes"]


def number(layer: str, name: str, value: Any) -> float:
    """Return a finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value - value != 0:
        raise ArgumentError(f"{layer}: {name} must be a finite number, got {value!r}")
    return float(value)


def flag(layer: str, name: str, value: Any) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{layer}: {name} must be True or False, got {value!r}")
    return value


def sizes(layer: str, name: str, value: Any, dims: int, *, least: int = 1) -> tuple[int, ...]:
    """Return one integer per dim; a single integer stands for all of them."""
    if isinstance(value, tuple):
        if len(value) != dims:
            raise ArgumentError(f"{layer}: {name} must be an integer or {dims} of them, got {value!r}")
        return tuple(count(layer, name, v, least=least) for v in value)
    return (count(layer, name, value, least=least),) * dims


def rank(layer: str, shape: tuple[int, ...], *allowed: int, form: str) -> None:
    """Check the number of dims of an input.

    Raises:
        ShapeError: with the form that the layer takes, such as ``(batch, features)``.
    """
    if len(shape) not in allowed:
        raise ShapeError(
            f"{layer}: an input of shape {form} is required, got {tuple(shape)}",
            hint="reshape the input, or put a layer before that gives this shape (Flatten() gives two dims)",
        )
