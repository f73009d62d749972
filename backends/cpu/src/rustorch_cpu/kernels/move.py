"""Making and moving elements: fill, arange, copy, cast, where."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import ALL, DTYPES
from rustorch_cpu.kernels import elementwise as ew
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status

Bits = Callable[[object], int]


def _float_bits(code: str) -> Bits:
    """The pattern of a value in the IEEE format `code` of `struct`; too large a value becomes infinite."""
    pack = struct.Struct("<" + code).pack

    def bits(value) -> int:
        try:
            return int.from_bytes(pack(value), "little")
        except OverflowError:
            return int.from_bytes(pack(math.copysign(math.inf, value)), "little")

    return bits


def _integer_bits(itemsize: int) -> Bits:
    mask = (1 << 8 * itemsize) - 1
    return lambda value: int(value) & mask


_float32_bits = _float_bits("f")


def _bfloat16_bits(value) -> int:
    bits = _float32_bits(value)
    if math.isnan(value):
        return bits >> 16 | 0x40
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def _complex_bits(code: str) -> Bits:
    part, shift = _float_bits(code), 8 * struct.calcsize(code)

    def bits(value) -> int:
        z = complex(value)
        return part(z.real) | part(z.imag) << shift

    return bits


def _bits_of(dtype: str) -> Bits:
    codes = {"float16": "e", "float32": "f", "float64": "d"}
    if dtype == "bool":
        return lambda value: int(value != 0)
    if dtype in codes:
        return _float_bits(codes[dtype])
    if dtype == "bfloat16":
        return _bfloat16_bits
    if dtype.startswith("complex"):
        return _complex_bits("f" if dtype == "complex64" else "d")
    return _integer_bits(DTYPES[dtype][1])


def _fill(dtype: str) -> ew.KernelFunction:
    bits_of, itemsize = _bits_of(dtype), DTYPES[dtype][1]
    dense, word = lib.rt_fill, (1 << 64) - 1

    def kernel(out, *, value):
        bits = bits_of(value)
        if out.dense >= 0:
            dense(out.address, out.dense, itemsize, bits & word, bits >> 64)
        else:
            dims = [*out.shape, *out.strides]
            status = lib.rt_fill_strided(out.address, itemsize, bits & word, bits >> 64, len(out.shape), dims)
            if status:
                raise_status("fill", status)

    return kernel


def _arange(dtype: str) -> ew.KernelFunction:
    dtype_id, _ = DTYPES[dtype]
    fill = lib.rt_arange_float if dtype in ("float32", "float64") else lib.rt_arange_int

    def kernel(out, *, start, step):
        status = fill(dtype_id, out.address, out.shape.elements, start, step)
        if status:
            raise_status("arange", status)

    return kernel


def _cast(out, x) -> None:
    to, _ = DTYPES[out.dtype.name]
    source, _ = DTYPES[x.dtype.name]
    if out.dense >= 0 and x.dense >= 0:
        lib.rt_cast(to, source, out.address, x.address, out.dense)
    else:
        dims = [*out.shape, *out.strides, *x.strides]
        status = lib.rt_cast_strided(to, source, out.address, x.address, len(out.shape), dims)
        if status:
            raise_status("cast", status)


def kernels() -> list[Kernel]:
    """All kernels that make or move elements."""
    arange_dtypes = ("uint8", "int8", "int16", "int32", "int64", "float32", "float64")
    return [
        *(Kernel("fill", _fill(d), frozenset({d}), layout="strided") for d in DTYPES),
        *(Kernel("arange", _arange(d), frozenset({d})) for d in arange_dtypes),
        *ew.elementwise("copy", ew.plain),
        *ew.elementwise("where", ew.plain),
        Kernel("cast", _cast, ALL, layout="strided"),
    ]
