"""Checks of numbers that users give."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError


def count(what: str, name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer that is at least `least`.

    Raises:
        ArgumentError: for anything else, also for True and False.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{what}: {name} must be an integer of at least {least}, got {value!r}")
    return value


def above_zero(what: str, name: str, value: Any) -> float:
    """Return a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ArgumentError(f"{what}: {name} must be a finite number above 0, got {value!r}")
    return float(value)


def share(what: str, name: str, value: Any) -> float:
    """Return a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ArgumentError(f"{what}: {name} must be in [0, 1), got {value!r}")
    return float(value)
