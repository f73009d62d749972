"""Steps of SGD and Adam, in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from rustorch.plugins import Kernel
from rustorch_opencl.geometry import longs
from rustorch_opencl.mapping import View
from rustorch_opencl.programs import Program
from rustorch_opencl.rows import pointers, typed
from rustorch_opencl.types import FLOATS


@cache
def _program(dtype: str) -> Program:
    return Program("optimizer.cl", **typed(dtype))


def _stepping(op: str, dtype: str) -> Callable[..., None]:
    def kernel(out: tuple[View, ...], grad: View, hyper: View) -> None:
        count = grad.shape.elements
        if count:
            runtime = grad.storage.buffer.runtime
            found = _program(dtype).kernel(runtime, op)
            arguments = [*pointers(*out, grad, hyper), longs(count)]
            runtime.launch(found, (count,), (runtime.group,), *arguments)

    return kernel


def kernels() -> list[Kernel]:
    """Both, for contiguous operands."""
    return [
        Kernel(op, _stepping(op, dtype), frozenset({dtype}))
        for op in ("sgd_step", "adam_step")
        for dtype in FLOATS
    ]
