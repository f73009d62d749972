"""Sample calls: how tests and the conformance suite exercise a function they know nothing about.

A sample holds descriptions of arrays instead of tensors; `build` makes them for a device and dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Array:
    """An operand to be made: uniform values in [low, high), or integers below `high` if `integer`."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    kind: str = "float"  # "float": the dtype under test; "int": int64 indices; "int8"; "bool": a mask
    grad: bool = True
    distinct: bool = False  # well separated values, for functions with kinks
    strided: bool = False  # every second element of a larger array, transposed
    unique: bool = False  # integers that differ along the last dim

    @property
    def fixed_dtype(self) -> str:
        """The dtype of an operand that does not have the one under test."""
        return {"int": "int64"}.get(self.kind, self.kind)

    def make(self, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        """Return the values as float64, int64 or bool."""
        shape = self.shape
        if self.unique:
            rows = [rng.permutation(int(self.high))[: shape[-1]] for _ in range(int(np.prod(shape[:-1])))]
            return np.array(rows, dtype=np.int64).reshape(shape)
        if self.kind in ("int", "int8"):
            return rng.integers(int(self.low), int(self.high), shape)
        if self.kind == "bool":
            return rng.random(shape) < 0.5
        if self.distinct:
            count = int(np.prod(shape, dtype=np.int64))
            # not quite in the middle of each step, so that no value is a whole number
            values = (np.arange(count) + 0.51) * ((self.high - self.low) / max(count, 1)) + self.low
            return rng.permutation(values).reshape(shape)
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: positional and keyword arguments, in which `Array` stands for a tensor."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def build(self, tensor: Callable[[Array], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with every `Array` replaced by ``tensor(array)``."""
        return tuple(_map(a, tensor) for a in self.args), {k: _map(v, tensor) for k, v in self.kwargs.items()}


def _map(value: Any, tensor: Callable[[Array], Any]) -> Any:
    if isinstance(value, Array):
        return tensor(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_map(v, tensor) for v in value)
    return value


def call(*args: Any, **kwargs: Any) -> Sample:
    """Return a sample of this call."""
    return Sample(args, kwargs)


def array(*shape: int, **options: Any) -> Array:
    """Return the description of a float operand."""
    return Array(shape, **options)


def index(*shape: int, below: int, low: int = 0, unique: bool = False) -> Array:
    """Return the description of an int64 operand with values in [low, below)."""
    return Array(shape, low, below, "int", grad=False, unique=unique)


def small_integers(*shape: int, strided: bool = False) -> Array:
    """Return the description of an int8 operand with any of its values."""
    return Array(shape, -128, 128, "int8", grad=False, strided=strided)


def mask(*shape: int) -> Array:
    """Return the description of a bool operand."""
    return Array(shape, kind="bool", grad=False)


def unary(**options: Any) -> Callable[[], list[Sample]]:
    """Return the usual samples of an elementwise function of one operand."""
    return lambda: [
        call(array(**options)),
        call(array(7, **options)),
        call(array(0, 3, **options)),
        call(array(3, 5, **options)),
        call(array(4, 6, strided=True, **options)),
    ]


def binary(
    first: dict[str, Any] | None = None, second: dict[str, Any] | None = None
) -> Callable[[], list[Sample]]:
    """Return the usual samples of an elementwise function of two operands."""
    a, b = first or {}, second or {}
    return lambda: [
        call(array(**a), array(**b)),
        call(array(7, **a), array(7, **b)),
        call(array(0, 3, **a), array(0, 3, **b)),
        call(array(3, 5, **a), array(3, 5, **b)),
        call(array(4, 1, 3, **a), array(2, 1, **b)),
        call(array(4, 6, strided=True, **a), array(4, 6, **b)),
    ]


def integers(arity: int, *, low: int = -7, below: int = 8) -> Callable[[], list[Sample]]:
    """Return samples of an elementwise function of integers."""
    return lambda: [
        call(*[index(3, 5, low=low, below=below) for _ in range(arity)]),
        call(*[index(low=low, below=below) for _ in range(arity)]),
        call(*[mask(3, 4) for _ in range(arity)])
        if low < 0
        else call(*[index(0, low=low, below=below) for _ in range(arity)]),
    ]
