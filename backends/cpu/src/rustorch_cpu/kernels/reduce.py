"""Reductions: sum, prod, amax, amin, sum_squares over any dims; argmax and argmin along one."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES
from rustorch_cpu.kernels.elementwise import KernelFunction
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status


@lru_cache(maxsize=4096)
def _around(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, int, int] | None:
    """A shape as (outer, n, inner) around neighbouring dims; None if others lie in between."""
    if not dims:
        return 1, 1, prod(shape)
    first, last = dims[0], dims[-1]
    if any(shape[d] != 1 for d in range(first, last) if d not in dims):
        return None
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


def _reduction(op: str, op_id: int, dtype: str) -> KernelFunction:
    dtype_id, _ = DTYPES[dtype]
    dense, strided = lib.rt_reduce_dense, lib.rt_reduce

    def kernel(out, x, *, dim):
        around = _around(x.shape, dim) if x.dense >= 0 and out.dense >= 0 else None
        if around:
            outer, n, inner = around
            status = dense(op_id, dtype_id, out.address, x.address, outer, n, inner)
        else:
            dims = (*x.shape, *x.strides, *out.strides)
            mask = sum(1 << d for d in dim)
            status = strided(op_id, dtype_id, out.address, x.address, len(x.shape), dims, mask)
        if status:
            raise_status(op, status)

    return kernel


def _arg_extreme(op: str, sign: int, dtype: str) -> KernelFunction:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, x, *, dim):
        shape = x.shape
        status = lib.rt_arg_extreme(
            sign,
            dtype_id,
            out.address,
            x.address,
            prod(shape[:dim]),
            shape[dim] if shape else 1,
            prod(shape[dim + 1 :]),
        )
        if status:
            raise_status(op, status)

    return kernel


def kernels() -> list[Kernel]:
    """All reductions."""
    reductions = {
        "sum": lib.RT_SUM,
        "prod": lib.RT_PROD,
        "amax": lib.RT_AMAX,
        "amin": lib.RT_AMIN,
        "sum_squares": lib.RT_SUM_SQUARES,
    }
    found = [
        Kernel(op, _reduction(op, op_id, dtype), frozenset({dtype}), layout="strided")
        for op, op_id in reductions.items()
        for dtype, (dtype_id, _) in DTYPES.items()
        if lib.rt_reduce_supported(op_id, dtype_id)
    ]
    ordered = [d for d in DTYPES if d not in ("float16", "bfloat16", "complex64", "complex128")]
    for op, sign in {"argmax": 1, "argmin": -1}.items():
        found += [Kernel(op, _arg_extreme(op, sign, d), frozenset({d})) for d in ordered]
    return found
