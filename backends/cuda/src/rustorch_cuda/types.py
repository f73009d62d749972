"""The dtypes, and the types of the kernel sources that hold them."""

from __future__ import annotations

BOOL = frozenset({"bool"})
INTEGERS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
COMPLEX = frozenset({"complex64", "complex128"})
REAL = BOOL | INTEGERS | FLOATS
ALL = REAL | COMPLEX

#: dtype name -> the storage type of ``source/prelude.cuh``.
STORAGE = {
    "bool": "Bool",
    "uint8": "u8",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "float16": "Half",
    "bfloat16": "Bfloat",
    "float32": "float",
    "float64": "double",
    "complex64": "Complex<float>",
    "complex128": "Complex<double>",
}
