"""Dtype names, their ids in C, and groups of them."""

from __future__ import annotations

from rustorch_cpu.native import lib

#: name -> (id in C, bytes per element)
DTYPES: dict[str, tuple[int, int]] = {
    "bool": (lib.RT_BOOL, 1),
    "uint8": (lib.RT_UINT8, 1),
    "int8": (lib.RT_INT8, 1),
    "int16": (lib.RT_INT16, 2),
    "int32": (lib.RT_INT32, 4),
    "int64": (lib.RT_INT64, 8),
    "float16": (lib.RT_FLOAT16, 2),
    "bfloat16": (lib.RT_BFLOAT16, 2),
    "float32": (lib.RT_FLOAT32, 4),
    "float64": (lib.RT_FLOAT64, 8),
    "complex64": (lib.RT_COMPLEX64, 8),
    "complex128": (lib.RT_COMPLEX128, 16),
}

ALL = frozenset(DTYPES)
#: What the fused kernels are compiled for.
REAL = frozenset({"float32", "float64"})
