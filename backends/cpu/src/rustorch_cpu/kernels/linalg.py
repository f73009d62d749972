"""Matrix products."""

from __future__ import annotations

from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import ALL, DTYPES
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status

FLOATING = frozenset({"float16", "bfloat16", "float32", "float64"})


def _matmul(dtype: str) -> Any:
    """``out = a @ b``; any strides of `a` and `b`."""
    dtype_id, size = DTYPES[dtype]
    product, batched = lib.rt_matmul, lib.rt_matmul_batched

    def kernel(out, a, b):
        a_strides, b_strides = a.strides, b.strides
        addresses = (
            out.storage.buffer + out.offset * size,
            a.storage.buffer + a.offset * size,
            b.storage.buffer + b.offset * size,
        )
        *batch, m, n = out.shape
        sizes = (m, n, a.shape[-1], a_strides[-2], a_strides[-1], b_strides[-2], b_strides[-1])
        if batch:
            count = len(batch)
            status = batched(dtype_id, *addresses, *sizes, count, batch, a_strides[:count], b_strides[:count])
        else:
            status = product(dtype_id, *addresses, 0, *sizes)
        if status:
            raise_status("matmul", status)

    return kernel


def _linear(dtype: str) -> Any:
    """``out = x @ weight.T + bias``; all operands contiguous."""
    dtype_id, size = DTYPES[dtype]
    product = lib.rt_matmul

    def kernel(out, x, weight, bias):
        n, k = weight.shape
        status = product(
            dtype_id,
            out.storage.buffer + out.offset * size,
            x.storage.buffer + x.offset * size,
            weight.storage.buffer + weight.offset * size,
            0 if bias is None else bias.storage.buffer + bias.offset * size,
            out.shape.elements // n if n else 0,
            n,
            k,
            k,
            1,
            1,
            k,
        )
        if status:
            raise_status("linear", status)

    return kernel


def kernels() -> list[Kernel]:
    """One closure per dtype."""
    found = [Kernel("matmul", _matmul(d), frozenset({d}), layout="strided") for d in sorted(ALL)]
    return found + [Kernel("linear", _linear(d), frozenset({d})) for d in sorted(FLOATING)]
