"""What transforms need, once for tensors and once for NumPy arrays; images are (..., H, W)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rustorch.base import TensorBase
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.ops.creation import adopt, from_host


def checked_image(op: str, x: Any, ndim: int = 2) -> Any:
    """Return x if it is a tensor or array of at least `ndim` dims.

    Raises:
        ArgumentTypeError: if it is something else.
        ShapeError: if it has fewer dims.
    """
    if not isinstance(x, (TensorBase, np.ndarray)):
        raise ArgumentTypeError(
            f"{op}: expected a Tensor or a NumPy array, got {type(x).__name__}", hint="put ToTensor() first"
        )
    if len(x.shape) < ndim:
        raise ShapeError(f"{op}: expected shape (..., H, W), got {tuple(x.shape)}")
    return x


def is_floating(x: Any) -> bool:
    """Return whether the elements are real floating-point numbers."""
    if isinstance(x, np.ndarray):
        return bool(x.dtype.kind == "f")
    return bool(x.dtype.is_floating_point)


def in_dtype(x: Any, dtype: Any) -> Any:
    """Return x in a dtype."""
    if isinstance(x, np.ndarray):
        return x.astype(dtype_of(dtype).numpy, copy=False)
    return x.to(dtype_of(dtype))


def like(values: npt.NDArray[Any], x: Any) -> Any:
    """Return host values as an operand beside x: its dtype, and its device if it is a tensor."""
    if isinstance(x, np.ndarray):
        return values.astype(x.dtype)
    return from_host(np.asarray(values.astype(x.dtype.numpy)), x.device)


def take(x: Any, index: npt.NDArray[np.int64], dim: int) -> Any:
    """Return the slices of x along a dim that the index names."""
    if isinstance(x, np.ndarray):
        return np.take(x, index, axis=dim)
    return x.index_select(dim, adopt(index, x.device))


def flip(x: Any, dim: int) -> Any:
    """Return x with a dim reversed."""
    return np.flip(x, dim).copy() if isinstance(x, np.ndarray) else x.flip(dim)


def crop(x: Any, top: int, left: int, height: int, width: int) -> Any:
    """Return a part of the image, as a view."""
    return x[..., top : top + height, left : left + width]


def pad(x: Any, left: int, top: int, right: int, bottom: int, fill: float, mode: str) -> Any:
    """Return the image with a border: `fill` for mode "constant", else what the mode makes of the image."""
    if not (left or top or right or bottom):
        return x
    height, width = x.shape[-2:]
    if mode != "constant":
        for dim, size, before, after in ((-2, height, top, bottom), (-1, width, left, right)):
            x = take(x, _border(size, before, after, mode), dim)
        return x
    shape = (*x.shape[:-2], height + top + bottom, width + left + right)
    result = np.full(shape, fill, x.dtype) if isinstance(x, np.ndarray) else x.new_full(shape, fill)
    result[..., top : top + height, left : left + width] = x
    return result


def _border(size: int, before: int, after: int, mode: Any) -> npt.NDArray[np.int64]:
    if mode == "reflect" and max(before, after) >= size:
        raise ShapeError(
            f"pad: reflect needs padding less than the size, got {max(before, after)} for {size}"
        )
    return np.pad(np.arange(size), (before, after), mode=mode).astype(np.int64)


def sizes_of(op: str, size: Any) -> tuple[int, int]:
    """Return (height, width) of a size: one integer for both, or two."""
    pair = list(size) if isinstance(size, Sequence) else [size]
    if len(pair) == 1:
        pair *= 2
    # the documented API types parameters as floats
    if len(pair) != 2 or any(isinstance(n, bool) or not _whole(n) or n < 1 for n in pair):
        raise ArgumentError(f"{op}: size must be a positive integer or (height, width), got {size!r}")
    return int(pair[0]), int(pair[1])


def _whole(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) or (isinstance(n, float) and n.is_integer())
