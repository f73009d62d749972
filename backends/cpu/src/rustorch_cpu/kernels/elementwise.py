"""How an elementwise op becomes kernels: one closure per dtype with everything bound beforehand.

The wrapper of a small op costs more than its arithmetic, so that of an op without attributes is in C
(``csrc/python/calls.c``); the others read two numbers per operand, `dense` and `address`, and the
contiguous case is a single call.  Which dtypes an op has is asked of the C table, so no list of them is
kept here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES
from rustorch_cpu.native import calls, lib
from rustorch_cpu.status import raise_status

KernelFunction = Callable[..., None]


def elementwise(op: str, make: Callable[[str, int], KernelFunction], *, c_name: str = "") -> list[Kernel]:
    """Kernels of `op` for each dtype that C knows it for; `make` gets the op's name and number."""
    found = []
    for dtype, (dtype_id, _) in DTYPES.items():
        op_id = lib.rt_op_find((c_name or op).encode(), dtype_id)
        if op_id >= 0:
            found.append(Kernel(op, make(op, op_id), frozenset({dtype}), layout="strided"))
    return found


def strided(op: str, op_id: int, out: Any, views: tuple[Any, ...], p0: float = 0.0, p1: float = 0.0) -> None:
    """The general case of the rarer kinds: any strides."""
    shape = out.shape
    addresses = [view.address for view in views] + [0] * (3 - len(views))
    dims = [*shape, *out.strides]
    for view in views:
        dims += view.strides
    status = lib.rt_map_strided(op_id, out.address, *addresses, p0, p1, len(shape), dims)
    if status:
        raise_status(op, status)


def plain(op: str, op_id: int) -> KernelFunction:
    """``kernel(out, *inputs)`` of an op without attributes, all of it in C."""
    return calls.Map(op, op_id, raise_status)


def unary_call(op: str, op_id: int, out: Any, x: Any, p0: float, p1: float) -> None:
    """One unary op with two parameters."""
    n = out.dense
    if n >= 0 and x.dense == n:
        lib.rt_map1_params(op_id, out.address, x.address, n, p0, p1)
    else:
        strided(op, op_id, out, (x,), p0, p1)


def binary_call(op: str, op_id: int, out: Any, a: Any, b: Any, p0: float, p1: float) -> None:
    """One binary op with two parameters."""
    n = out.dense
    if n >= 0 and a.dense == n and b.dense == n:
        lib.rt_map2_params(op_id, out.address, a.address, b.address, n, p0, p1)
    else:
        strided(op, op_id, out, (a, b), p0, p1)
