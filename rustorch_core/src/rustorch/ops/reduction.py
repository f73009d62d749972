"""What all losses share: checking operands, and reducing to a number."""

from __future__ import annotations

import warnings
from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(name: str, reduction: Any, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise unless the reduction is known."""
    if reduction not in allowed:
        wanted = ", ".join(map(repr, allowed))
        raise ArgumentError(f"{name}: reduction must be one of {wanted}, got {reduction!r}")


def reduced(loss: Any, reduction: str) -> Any:
    """Return the losses as they are, their mean or their sum."""
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def check_tensors(name: str, **tensors: Any) -> None:
    """Raise unless all are tensors."""
    for role, x in tensors.items():
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: {role} must be a tensor, got {type(x).__name__}")


def check_float(name: str, x: Any) -> None:
    """Raise unless the dtype is a floating-point one."""
    if not x.dtype.is_floating_point:
        raise DTypeError(f"{name}: a floating-point input is required, got {x.dtype.name}")


def warn_of_broadcast(name: str, input: Any, target: Any) -> None:
    """Warn where input and target have different shapes: that is rarely meant."""
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: target {tuple(target.shape)} and input {tuple(input.shape)} have different shapes and "
            "broadcast, which is rarely what is meant",
            stacklevel=4,
        )
