"""Products of int8 numbers."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.kernels.operands import address
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status


def _int_mm(out, a, b):
    """``out = a @ b``; any strides of `a` and `b`."""
    m, n = out.shape
    status = lib.rt_int_mm(out.address, a.address, b.address, m, n, a.shape[1], *a.strides, *b.strides)
    if status:
        raise_status("int_mm", status)


def _quantized_linear(out, x, weight, weight_scale, bias):
    """``out = x @ (weight * weight_scale).T + bias``; all operands contiguous."""
    n, k = weight.shape
    status = lib.rt_quantized_linear(
        out.address,
        x.address,
        weight.address,
        weight_scale.address,
        address(bias),
        out.shape.elements // n if n else 0,
        n,
        k,
    )
    if status:
        raise_status("quantized_linear", status)


def kernels() -> list[Kernel]:
    """One kernel per op: other floating-point dtypes are decomposed."""
    return [
        Kernel("int_mm", _int_mm, frozenset({"int8"}), layout="strided"),
        Kernel("quantized_linear", _quantized_linear, frozenset({"float32"})),
    ]
