"""Between an operand view of the core and a NumPy array.

A kernel reads with `load`, computes, and writes with `store`; `array` is the memory itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch_reference.dtypes import NUMPY, WIDE, convert

View = Any  # an operand view as the backend contract describes it


def array(view: View) -> np.ndarray:
    """Return the view as a NumPy array that shares its memory."""
    dtype = NUMPY[view.dtype.name]
    if 0 in view.shape:
        return np.empty(view.shape, dtype)  # an empty view may point past the end of its buffer
    return np.ndarray(
        tuple(view.shape),
        dtype,
        buffer=view.storage.buffer,
        offset=view.offset * dtype.itemsize,
        strides=tuple(step * dtype.itemsize for step in view.strides),
    )


def load(view: View) -> np.ndarray:
    """Return a contiguous copy of the view, in the type that its arithmetic is done in."""
    return array(view).astype(WIDE[view.dtype.name], order="C")


def store(view: View, values: Any) -> None:
    """Convert `values` to the view's dtype, with one rounding, and write them into the view."""
    array(view)[...] = convert(np.asarray(values), view.dtype.name)
