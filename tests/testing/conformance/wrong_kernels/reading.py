"""Operand views as NumPy arrays, whether a buffer is an array or an address."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from rustorch.base import allocate


def whole(view: Any) -> np.ndarray:
    """Return all elements of the view's storage, as they lie in memory."""
    buffer, nbytes = view.storage.buffer, view.storage.nbytes
    if isinstance(buffer, int):
        buffer = (ctypes.c_ubyte * nbytes).from_address(buffer)
    return np.frombuffer(buffer, view.dtype.numpy, nbytes // view.dtype.itemsize)


def array(view: Any) -> np.ndarray:
    """Return the view as an array over the same memory."""
    if not view.shape.elements:
        return np.empty(view.shape, view.dtype.numpy)
    size = view.dtype.itemsize
    strides = [step * size for step in view.strides]
    return np.ndarray(view.shape, view.dtype.numpy, whole(view), view.offset * size, strides)


def read(view: Any, offset: int, strides: Any) -> np.ndarray:
    """Return elements at places that may be the wrong ones; those outside the storage wrap around."""
    if not view.shape.elements:
        return array(view)
    places = np.full(view.shape, offset, np.int64)
    for dim, (size, step) in enumerate(zip(view.shape, strides, strict=True)):
        ones = [1] * len(view.shape)
        ones[dim] = size
        places = places + np.arange(size).reshape(ones) * step
    memory = whole(view)
    return memory[places % memory.size]


def fresh(like: Any, values: Any) -> Any:
    """Return a new contiguous tensor with the shape, dtype and device of another."""
    result = allocate(like.shape, like.dtype, like.device)
    array(result)[...] = values
    return result
