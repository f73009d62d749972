"""From whatever a caller has to the arrays that are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

Array = np.ndarray[Any, Any]


def as_array(name: str, data: Any) -> Array:
    """Return real numbers as an array, from a tensor on any device, an array or nested sequences."""
    if isinstance(data, TensorBase):
        found = data.detach().numpy(force=True)
        found = found.astype(np.float32) if data.dtype.name in ("bfloat16", "float16") else found
    else:
        try:
            found = np.asarray(data)
        except ValueError as error:
            raise ArgumentError(
                f"{name}: a tensor, an array or a regular nested sequence is required"
            ) from error
    if found.dtype.kind == "c":
        raise DTypeError(
            f"{name}: real numbers are required, got {found.dtype}", hint="draw x.abs() or x.real"
        )
    if found.dtype.kind not in "biuf":
        raise ArgumentTypeError(f"{name}: numbers are required, got {type(data).__name__}")
    return np.asarray(found)


def as_curve(name: str, data: Any) -> Array:
    """Return a 1-D array."""
    found = as_array(name, data)
    if found.ndim != 1:
        raise ShapeError(f"{name}: one dimension is required, got shape {found.shape}", hint="use flatten()")
    return found


def paired(name: str, x_data: Any, y_data: Any) -> tuple[Array, Array]:
    """Return two arrays of the same length; `y_data` may have a second dim, one column per curve."""
    x, y = as_curve(f"{name}: x_data", x_data), as_array(f"{name}: y_data", y_data)
    if y.ndim not in (1, 2):
        raise ShapeError(f"{name}: y_data must have one or two dimensions, got shape {y.shape}")
    if len(x) != len(y):
        raise ShapeError(f"{name}: x_data and y_data must have the same length, got {len(x)} and {len(y)}")
    return x, y
