"""Errors found by kernels: a code each, raised by the host when it next waits for the device."""

from __future__ import annotations

from rustorch.errors import OutOfBoundsError

#: The layout of `Failure` in source/prelude.cuh: code, index, dim, size.
NBYTES = 32
#: code - 1 -> the op that failed, in the way that its kind of op can.
_OUT_OF_BOUNDS = ("gather", "scatter")
_DIVISIONS = ("floor_divide", "remainder")
_OPS = _OUT_OF_BOUNDS + _DIVISIONS


def code_of(op: str) -> int:
    """Return the code of an op's error; 0 if it has none."""
    return _OPS.index(op) + 1 if op in _OPS else 0


def error_of(code: int, index: int, dim: int, size: int) -> Exception:
    """Return the error that a kernel reported."""
    op = _OPS[code - 1]
    if op in _DIVISIONS:
        return ZeroDivisionError(f"{op}: integer division by zero")
    return OutOfBoundsError(f"{op}: index {index} is out of bounds for dimension {dim} with size {size}")
