"""Checks of the numbers that layers are made with."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError


def require_positive(layer: str, **numbers: Any) -> None:
    """Raise unless all numbers are integers of at least 1."""
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ArgumentError(f"{layer}: {name} must be a positive integer, got {number!r}")
