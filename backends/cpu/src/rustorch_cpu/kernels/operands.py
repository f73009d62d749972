"""Small helpers of the wrappers of contiguous kernels."""

from __future__ import annotations

from math import prod
from typing import Any


def address(view: Any) -> int:
    """The address of a view's first element; 0 for an operand that was not given."""
    return 0 if view is None else view.address


def around(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """A shape as (outer, n, inner) around one dim; a 0-d tensor has a dim of size 1."""
    if not shape:
        return 1, 1, 1
    return prod(shape[:dim]), shape[dim], prod(shape[dim + 1 :])
