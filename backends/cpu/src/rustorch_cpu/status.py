"""From a status code of C to the exception that a user sees."""

from __future__ import annotations

from rustorch.errors import MissingKernelError, OutOfBoundsError, OutOfMemoryError
from rustorch_cpu.native import lib


def raise_status(op: str, status: int) -> None:
    """Raise what `status` (not zero) stands for."""
    if status == lib.RT_DIVISION_BY_ZERO:
        raise ZeroDivisionError(f"{op}: integer division by zero")
    if status == lib.RT_OUT_OF_MEMORY:
        raise OutOfMemoryError(f"{op}: no memory left for scratch space")
    raise MissingKernelError(f"{op}: not supported for these operands (status {status})")


def raise_index_error(op: str, dim: int) -> None:
    """Raise for the index that the last call on this thread refused."""
    value, size = lib.rt_error_value(), lib.rt_error_size()
    raise OutOfBoundsError(f"{op}: index {value} is out of bounds for dimension {dim} with size {size}")
