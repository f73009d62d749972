"""Reductions: sum, prod, amax, amin over any dims; argmax and argmin along one."""

from __future__ import annotations

from math import prod

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES
from rustorch_cpu.kernels.elementwise import KernelFunction
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status


def _reduction(op: str, op_id: int, dtype: str) -> KernelFunction:
    dtype_id, _ = DTYPES[dtype]
    reduce = lib.rt_reduce

    def kernel(out, x, *, dim):
        mask = 0
        for d in dim:
            mask |= 1 << d
        shape = x.shape
        status = reduce(
            op_id,
            dtype_id,
            out.address,
            x.address,
            len(shape),
            (*shape, *x.strides, *out.strides),
            mask,
        )
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
    reductions = {"sum": lib.RT_SUM, "prod": lib.RT_PROD, "amax": lib.RT_AMAX, "amin": lib.RT_AMIN}
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
