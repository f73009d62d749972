"""Numbers of a dtype as float64 (or complex128) values: which there are, and how far apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.dtypes import DType
from rustorch.limits import finfo

Array = np.ndarray[Any, Any]

#: Bits of the significand, the leading one included.
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def real_format(dtype: DType) -> str:
    """Return the name of the floating-point dtype of a dtype's parts."""
    return {"complex64": "float32", "complex128": "float64"}.get(dtype.name, dtype.name)


def rounded(values: Array, dtype: DType) -> Array:
    """Return values rounded to a floating-point or complex dtype, in float64 or complex128."""
    wide = np.complex128 if dtype.is_complex else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        found: Array = np.asarray(values, wide).astype(dtype.numpy).astype(wide)
    return found


def spacing(values: Array, dtype: DType) -> Array:
    """Return the unit in the last place of a real dtype at each value; at zero that of subnormals."""
    name = real_format(dtype)
    digits, lowest = _DIGITS[name], int(np.log2(finfo_of(name).smallest_normal))
    with np.errstate(invalid="ignore"):
        _, exponent = np.frexp(np.abs(values))
    found: Array = np.ldexp(1.0, np.maximum(exponent - 1, lowest) - (digits - 1))
    return found


def finfo_of(name: str) -> finfo:
    """Return the limits of a real dtype by its name."""
    from rustorch.dtypes import dtype_of

    return finfo(dtype_of(name))


def eps(dtype: DType) -> float:
    """Return the distance from 1 to the next number of a real or complex dtype."""
    return float(2.0 ** (1 - _DIGITS[real_format(dtype)]))


def accumulator_eps(dtype: DType) -> float:
    """Return `eps` of the dtype that long sums are kept in: float32 for the half dtypes."""
    return min(eps(dtype), 2.0**-23)
