"""How the dtypes are stored and computed in OpenCL C."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class CType(NamedTuple):
    """One dtype in OpenCL C, where `float16` and `int8` are names of vectors."""

    tag: str  # of the functions load_TAG and store_TAG in prelude.cl
    stored: str  # type of the elements in memory
    computed: str  # type in which formulas are evaluated
    unsigned: str  # type in which integers wrap; the computed type of others
    kind: str  # "bool", "integer" or "float"
    lowest: str
    highest: str
    numpy: str  # of a number of the computed type


TYPES = {
    "bool": CType("b8", "uchar", "uchar", "uchar", "bool", "0", "1", "uint8"),
    "uint8": CType("u8", "uchar", "uchar", "uint", "integer", "0", "UCHAR_MAX", "uint8"),
    "int8": CType("i8", "char", "char", "uint", "integer", "CHAR_MIN", "CHAR_MAX", "int8"),
    "int16": CType("i16", "short", "short", "uint", "integer", "SHRT_MIN", "SHRT_MAX", "int16"),
    "int32": CType("i32", "int", "int", "uint", "integer", "INT_MIN", "INT_MAX", "int32"),
    "int64": CType("i64", "long", "long", "ulong", "integer", "LONG_MIN", "LONG_MAX", "int64"),
    "float16": CType("f16", "ushort", "float", "float", "float", "-INFINITY", "INFINITY", "float32"),
    "bfloat16": CType("bf16", "ushort", "float", "float", "float", "-INFINITY", "INFINITY", "float32"),
    "float32": CType("f32", "float", "float", "float", "float", "-INFINITY", "INFINITY", "float32"),
    "float64": CType("f64", "double", "double", "double", "float", "-INFINITY", "INFINITY", "float64"),
}
FLOATS = frozenset(name for name, t in TYPES.items() if t.kind == "float")
INTEGERS = frozenset(name for name, t in TYPES.items() if t.kind == "integer")
NUMBERS = FLOATS | INTEGERS
ALL = frozenset(TYPES)

#: Bytes of the types in memory.
SIZES = {
    "uchar": 1, "char": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "long": 8, "ulong": 8,
    "double": 8,
}  # fmt: skip

#: Unsigned integers (tag and type) by size in bytes, for kernels that move elements as they are.
BITS = {1: ("u8", "uchar"), 2: ("u16", "ushort"), 4: ("u32", "uint"), 8: ("u64", "ulong")}


def packed(value: float, dtype: str) -> bytes:
    """Return a number as the bytes of a kernel's argument of type T; integers keep their low bits."""
    t = TYPES[dtype]
    if t.kind == "float":
        value = float(value)
    elif t.kind == "bool":
        value = bool(value)
    with np.errstate(over="ignore"):
        return np.asarray(value).astype(t.numpy).tobytes()


def _limits(t: CType) -> tuple[float, float]:
    target = np.dtype(t.numpy)
    if target.kind == "f":
        return -np.inf, np.inf
    return int(np.iinfo(target).min), int(np.iinfo(target).max)


#: The lowest and the highest number of each dtype.
LIMITS = {name: _limits(t) for name, t in TYPES.items()}
