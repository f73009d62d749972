"""Softmax, log-softmax and cross-entropy, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

from rustorch.errors import OutOfBoundsError
from rustorch.plugins import Kernel
from rustorch_opencl.geometry import longs
from rustorch_opencl.mapping import View
from rustorch_opencl.rows import RowProgram, pointers, typed
from rustorch_opencl.types import FLOATS


@cache
def _program(dtype: str) -> RowProgram:
    return RowProgram("softmax.cl", **typed(dtype))


def _along(op: str, dtype: str) -> Callable[..., None]:
    """Return a kernel that works on the rows along `dim`."""

    def kernel(out: View, *inputs: View, dim: int) -> None:
        rows, length = prod(out.shape[:dim]) * prod(out.shape[dim + 1 :]), out.shape[dim]
        plan = longs(rows, length, prod(out.shape[dim + 1 :]))
        if length:
            runtime = out.storage.buffer.runtime
            _program(dtype).launch(runtime, op, rows, length, *pointers(out, *inputs), plan)

    return kernel


def _cross_entropy(dtype: str) -> Callable[..., None]:
    def kernel(
        out: tuple[View, View], logits: View, target: View, weight: View | None, *, ignore_index: int
    ) -> None:
        rows, classes = logits.shape
        runtime = logits.storage.buffer.runtime
        error = f"cross_entropy: target {{}} is out of bounds for {classes} classes"
        _program(dtype).launch(
            runtime,
            "cross_entropy",
            rows,
            classes,
            *pointers(*out, logits, target, weight),
            longs(ignore_index),
            *runtime.error(OutOfBoundsError, error),
            longs(rows, classes, 1),
        )

    return kernel


def _cross_entropy_backward(dtype: str) -> Callable[..., None]:
    def kernel(
        out: View, g: View, log_probs: View, target: View, weight: View | None, *, ignore_index: int
    ) -> None:
        rows, classes = out.shape
        _program(dtype).launch(
            out.storage.buffer.runtime,
            "cross_entropy_backward",
            rows,
            classes,
            *pointers(out, g, log_probs, target, weight),
            longs(ignore_index),
            longs(rows, classes, 1),
        )

    return kernel


def kernels() -> list[Kernel]:
    """All of them, for contiguous operands."""
    made = dict.fromkeys(("softmax", "log_softmax", "softmax_backward", "log_softmax_backward"), _along)
    found = [Kernel(op, make(op, dtype), frozenset({dtype})) for op, make in made.items() for dtype in FLOATS]
    for dtype in FLOATS:
        found.append(Kernel("cross_entropy", _cross_entropy(dtype), frozenset({dtype})))
        found.append(Kernel("cross_entropy_backward", _cross_entropy_backward(dtype), frozenset({dtype})))
    return found
