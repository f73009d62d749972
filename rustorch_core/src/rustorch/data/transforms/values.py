"""Transforms of the values: from images to tensors, normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.data.transforms import arrays
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.creation import as_tensor


class ToTensor:
    """Turns an (H, W, C) or (H, W) image into a (C, H, W) tensor; uint8 becomes float32 in [0, 1].

    Other dtypes keep their values (float64 becomes float32, as images in NumPy often have it by accident
    and PyTorch's layers want float32).  Anything that NumPy reads as an array will do, PIL images too.

    Raises:
        ArgumentTypeError: if it is not an array.
        ShapeError: if it has not 2 or 3 dims.

    >>> import numpy
    >>> from rustorch.data.transforms import ToTensor
    >>> ToTensor()(numpy.zeros((4, 5, 3), numpy.uint8)).shape
    rustorch.Size([3, 4, 5])
    """

    def __call__(self, image: Any) -> Any:
        """Return the image as a tensor."""
        if isinstance(image, TensorBase):
            raise ArgumentTypeError("ToTensor: a NumPy array or PIL image is required, got a Tensor")
        array = np.asarray(image)
        if array.dtype.kind not in "biuf":
            raise ArgumentTypeError(f"ToTensor: an image of numbers is required, got {type(image).__name__}")
        if array.ndim not in (2, 3):
            raise ShapeError(f"ToTensor: expected an image of shape (H, W) or (H, W, C), got {array.shape}")
        if array.ndim == 2:
            array = array[:, :, None]
        array = np.ascontiguousarray(array.transpose(2, 0, 1))
        if array.dtype == np.uint8:
            array = array.astype(np.float32) / np.float32(255)
        # a copy: the caller's image must not change with the tensor
        return as_tensor(array if array.base is None else array.copy())

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """Computes ``(x - mean) / std``, with one number for all elements or one per channel.

    Args:
        mean: a number, or a sequence of C numbers for images of shape (..., C, H, W).
        std: the same, not 0.
        inplace: write into the input.

    Raises:
        DTypeError: if the input is not floating-point.
        ShapeError: if the number of channels is another.

    >>> import rustorch
    >>> from rustorch.data.transforms import Normalize
    >>> Normalize(mean=0.5, std=0.2)(rustorch.tensor([0.5, 0.9]))
    tensor([0.0000, 2.0000])
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean = self._numbers("mean", mean)
        self.std = self._numbers("std", std)
        if not np.all(self.std):
            raise ArgumentError("Normalize: std must not be 0")
        self.inplace = inplace

    @staticmethod
    def _numbers(name: str, value: Any) -> Any:
        given = value.tolist() if isinstance(value, TensorBase) else value
        try:
            numbers = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise ArgumentTypeError(
                f"Normalize: {name} must be a number or a sequence of numbers, got {value!r}"
            ) from None
        if numbers.ndim > 1:
            raise ArgumentError(
                f"Normalize: {name} must be a number or one per channel, got shape {numbers.shape}"
            )
        return numbers

    def __call__(self, x: Any) -> Any:
        """Return the normalised x."""
        arrays.checked_image("Normalize", x, 0)
        if not arrays.is_floating(x):
            raise DTypeError(
                f"Normalize: a floating-point input is required, got {x.dtype}", hint="put ToTensor() first"
            )
        mean, std = (arrays.like(self._shaped(v, x), x) for v in (self.mean, self.std))
        if not self.inplace:
            return (x - mean) / std
        x -= mean
        x /= std
        return x

    @staticmethod
    def _shaped(numbers: Any, x: Any) -> Any:
        if numbers.ndim == 0:
            return numbers
        if len(x.shape) < 3 or len(numbers) not in (1, x.shape[-3]):
            raise ShapeError(
                f"Normalize: expected shape (..., {len(numbers)}, H, W) for as many numbers, "
                f"got {tuple(x.shape)}"
            )
        return numbers[:, None, None]

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


def scaled_back(x: Any, dtype: Any) -> Any:
    """Return real values in an integer dtype: rounded, and cut to its range."""
    if isinstance(x, np.ndarray):
        limits = np.iinfo(dtype)
        return np.clip(np.rint(x), limits.min, limits.max).astype(dtype)
    limits = np.iinfo(dtype.numpy)
    return x.round().clamp(int(limits.min), int(limits.max)).to(dtype)


def as_real(x: Any) -> Any:
    """Return x in a real dtype that can be interpolated: its own if it is one, else float32."""
    return x if arrays.is_floating(x) else arrays.in_dtype(x, dtypes.float32)
