"""The twelve dtypes: their NumPy types, the types they are computed in, and conversion between them."""

from __future__ import annotations

import ml_dtypes
import numpy as np

BOOL = frozenset({"bool"})
INTEGERS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
COMPLEX = frozenset({"complex64", "complex128"})
REAL = BOOL | INTEGERS | FLOATS
ALL = REAL | COMPLEX

#: dtype name -> NumPy dtype.
NUMPY = {name: np.dtype(name) for name in ALL - {"bfloat16"}} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}

#: dtype name -> the NumPy dtype in which its arithmetic is done before one final rounding.
WIDE = (
    {name: NUMPY[name] for name in BOOL | INTEGERS}
    | dict.fromkeys(FLOATS, NUMPY["float64"])
    | dict.fromkeys(COMPLEX, NUMPY["complex128"])
)


@np.errstate(all="ignore")
def convert(values: np.ndarray, name: str) -> np.ndarray:
    """Convert `values` to the dtype `name` as PyTorch does.

    To bool: ``x != 0``.  Complex to real: the real part.  Float to integer: truncated (`truncate`).
    Between integers: the low bits are kept.  To floats: rounded to nearest, ties to even.
    """
    if name == "bool":
        return values != 0
    if name not in COMPLEX:
        values = values.real
    if name in INTEGERS and values.dtype.kind not in "biu":
        values = truncate(values)
    if name == "bfloat16" and values.dtype != NUMPY["bfloat16"]:
        values = odd_float32(values.astype(np.float64))
    return values.astype(NUMPY[name])


def truncate(values: np.ndarray) -> np.ndarray:
    """Round floats toward zero, to int64.  NaN and what int64 cannot hold become -2**63."""
    whole = np.trunc(values.astype(np.float64))
    fits = (whole >= -(2.0**63)) & (whole < 2.0**63)
    return np.where(fits, whole, -(2.0**63)).astype(np.int64)


def odd_float32(values: np.ndarray) -> np.ndarray:
    """Round float64 to float32 toward zero, with the last bit set if anything was lost.

    Rounding the result again, to bfloat16, gives what one rounding would have given, while
    ml_dtypes rounds to nearest twice: 1 + 2**-8 + 2**-40 would become 1.
    """
    nearest = np.asarray(values, np.float32)
    toward_zero = np.where(np.abs(nearest) > np.abs(values), np.nextafter(nearest, np.float32(0)), nearest)
    inexact = toward_zero != values
    return (toward_zero.view(np.uint32) | inexact).view(np.float32)
