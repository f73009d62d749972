"""Optimizer updates in place: the first operands are both read and written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import calls, ffi, lib
from rustorch_cpu.status import raise_status


def _updates(op: str, update: Callable[[int, int, int, int], int]) -> Kernel:
    """The kernel of an op by the function in C that takes a table of updates."""

    def many(changed: list[tuple[Any, ...]], gradients: list[Any], hyper: Any) -> None:
        """One step for each parameter with its slots."""
        table = ffi.from_buffer(calls.update_table(changed, gradients))
        rows = int(ffi.cast("uintptr_t", table))
        status = update(DTYPES[changed[0][0].dtype.name][0], rows, len(changed), hyper.address)
        if status:
            raise_status(op, status)

    def one(out: tuple[Any, ...], gradient: Any, hyper: Any) -> None:
        many([out], [gradient], hyper)

    one.many = many  # type: ignore[attr-defined]  # see the contract: one call for all parameters
    return Kernel(op, one, REAL)


def kernels() -> list[Kernel]:
    """SGD, with momentum if its buffer is given, and Adam or AdamW, with AMSGrad if the largest squares are."""
    return [_updates("sgd_step", lib.rt_sgd_steps), _updates("adam_step", lib.rt_adam_steps)]
