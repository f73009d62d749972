"""Filling, copying and converting: kernels that move values and compute nothing."""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL, COMPLEX, FLOATS, INTEGERS, WIDE
from rustorch_reference.kernels.build import strided
from rustorch_reference.views import View, array, store


def fill(out: View, *, value: bool | int | float | complex) -> None:
    """Set every element to `value`."""
    if isinstance(value, int) and out.dtype.name in FLOATS | COMPLEX:
        value = float(value)
    store(out, value)


def copy(out: View, x: View) -> None:
    """``out[...] = x``, both of one dtype; bits are kept, also those of a NaN."""
    array(out)[...] = array(x)


def cast(out: View, x: View) -> None:
    """``out[...] = x`` in the dtype of `out`, by PyTorch's rules (see `dtypes.convert`)."""
    store(out, array(x))


def arange(out: View, *, start: int | float, step: int | float) -> None:
    """``out[i] = start + i * step``, computed in float64 or int64."""
    wide = np.float64 if WIDE[out.dtype.name] == np.float64 else np.int64
    index = np.arange(out.shape[0], dtype=wide)
    with np.errstate(all="ignore"):
        store(out, wide(start) + index * wide(step))


KERNELS = [
    strided("fill", fill, ALL),
    strided("copy", copy, ALL),
    strided("cast", cast, ALL),
    strided("arange", arange, INTEGERS | FLOATS),
]
