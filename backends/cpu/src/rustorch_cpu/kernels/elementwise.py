"""How an elementwise op becomes kernels: one closure per dtype with everything bound beforehand.

The wrapper of a small op costs more than its arithmetic, so contiguity is tested by identity of the
strides (the core interns them) and the contiguous case is a single call.  Which dtypes an op has is
asked of the C table, so no list of them is kept here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status

KernelFunction = Callable[..., None]


def elementwise(
    op: str, make: Callable[..., KernelFunction], *, c_name: str = "", result: str = ""
) -> list[Kernel]:
    """Kernels of `op` for each dtype that C knows it for; `result` is the dtype's name if it differs."""
    found = []
    for dtype, (dtype_id, itemsize) in DTYPES.items():
        op_id = lib.rt_op_find((c_name or op).encode(), dtype_id)
        if op_id >= 0:
            fn = make(op, op_id, DTYPES[result][1] if result else itemsize, itemsize)
            found.append(Kernel(op, fn, frozenset({dtype}), layout="strided"))
    return found


def strided(
    op: str,
    op_id: int,
    out: Any,
    out_size: int,
    sizes: tuple[int, ...],
    views: tuple[Any, ...],
    p0=0.0,
    p1=0.0,
) -> None:
    """The general case of the rarer kinds: any strides; `sizes` are the bytes per element of `views`."""
    shape = out.shape
    addresses = [v.storage.buffer + v.offset * size for v, size in zip(views, sizes, strict=True)]
    addresses += [0] * (3 - len(addresses))
    dims = [*shape, *out.strides]
    for view in views:
        dims += view.strides
    status = lib.rt_map_strided(
        op_id, out.storage.buffer + out.offset * out_size, *addresses, p0, p1, len(shape), dims
    )
    if status:
        raise_status(op, status)


def unary(op: str, op_id: int, out_size: int, size: int) -> KernelFunction:
    """``kernel(out, x)``."""
    call, general = lib.rt_map1, lib.rt_map_strided

    def kernel(out, x):
        shape = out.shape
        dense = shape.strides
        if out.strides is dense and x.strides is dense:
            status = call(
                op_id,
                out.storage.buffer + out.offset * out_size,
                x.storage.buffer + x.offset * size,
                shape.elements,
            )
        else:
            status = general(
                op_id,
                out.storage.buffer + out.offset * out_size,
                x.storage.buffer + x.offset * size,
                0,
                0,
                0.0,
                0.0,
                len(shape),
                (*shape, *out.strides, *x.strides),
            )
        if status:
            raise_status(op, status)

    return kernel


def binary(op: str, op_id: int, out_size: int, size: int) -> KernelFunction:
    """``kernel(out, a, b)``."""
    call, general = lib.rt_map2, lib.rt_map_strided

    def kernel(out, a, b):
        shape = out.shape
        dense = shape.strides
        if out.strides is dense and a.strides is dense and b.strides is dense:
            status = call(
                op_id,
                out.storage.buffer + out.offset * out_size,
                a.storage.buffer + a.offset * size,
                b.storage.buffer + b.offset * size,
                shape.elements,
            )
        else:
            status = general(
                op_id,
                out.storage.buffer + out.offset * out_size,
                a.storage.buffer + a.offset * size,
                b.storage.buffer + b.offset * size,
                0,
                0.0,
                0.0,
                len(shape),
                (*shape, *out.strides, *a.strides, *b.strides),
            )
        if status:
            raise_status(op, status)

    return kernel


def where(op: str, op_id: int, out_size: int, size: int) -> KernelFunction:
    """``kernel(out, condition, a, b)``."""
    call, sizes = lib.rt_map3, (1, size, size)

    def kernel(out, condition, a, b):
        shape = out.shape
        dense = shape.strides
        if out.strides is dense and condition.strides is dense and a.strides is dense and b.strides is dense:
            call(
                op_id,
                out.storage.buffer + out.offset * out_size,
                condition.storage.buffer + condition.offset,
                a.storage.buffer + a.offset * size,
                b.storage.buffer + b.offset * size,
                shape.elements,
            )
        else:
            strided(op, op_id, out, out_size, sizes, (condition, a, b))

    return kernel


def unary_call(op: str, op_id: int, out_size: int, size: int, out: Any, x: Any, p0: float, p1: float) -> None:
    """One unary op with two parameters."""
    shape = out.shape
    dense = shape.strides
    if out.strides is dense and x.strides is dense:
        lib.rt_map1_params(
            op_id,
            out.storage.buffer + out.offset * out_size,
            x.storage.buffer + x.offset * size,
            shape.elements,
            p0,
            p1,
        )
    else:
        strided(op, op_id, out, out_size, (size,), (x,), p0, p1)


def binary_call(
    op: str, op_id: int, out_size: int, size: int, out: Any, a: Any, b: Any, p0: float, p1: float
) -> None:
    """One binary op with two parameters."""
    shape = out.shape
    dense = shape.strides
    if out.strides is dense and a.strides is dense and b.strides is dense:
        lib.rt_map2_params(
            op_id,
            out.storage.buffer + out.offset * out_size,
            a.storage.buffer + a.offset * size,
            b.storage.buffer + b.offset * size,
            shape.elements,
            p0,
            p1,
        )
    else:
        strided(op, op_id, out, out_size, (size, size), (a, b), p0, p1)
