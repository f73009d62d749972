"""Calls that work, of every kind; `worker` makes them wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import rustorch
from rustorch import ops
from rustorch.testing.cases import Case, cases
from worker import Call


def _built(case: Case, device: str) -> Any:
    return lambda: case.build(device, "float32")


def functions(device: str = "cpu") -> Iterator[Call]:
    """Every public function, its in-place form and its ``out=``."""
    for case in cases():
        entry = case.function
        name = f"{case.name} on {device}"
        changes = entry.name.endswith("_")
        extra: dict[str, Any] = {"out": rustorch.ones(3, 5, device=device)} if entry.elementwise else {}
        yield Call(name, entry.function, _built(case, device), changes, extra, plain=entry.elementwise)
        if entry.inplace is not None:
            yield Call(f"{name} in place", entry.inplace, _built(case, device), changes=True, plain=True)


def functions_on_reference() -> Iterator[Call]:
    """The same on the other backend."""
    return functions("reference")


def without_samples() -> Iterator[Call]:
    """Public functions that are sampled by hand, because they take data."""
    data = {
        "tensor": ([[1, 2], [3, 4]],),
        "as_tensor": ([1.5, 2.5],),
    }
    for name, args in data.items():
        entry = ops.functions[name]
        yield Call(name, entry.function, lambda args=args: (args, {}), extra={"dtype": 1, "device": 1})
