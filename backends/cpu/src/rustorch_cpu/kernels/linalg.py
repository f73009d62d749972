"""Matrix products."""

from __future__ import annotations

from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import ALL, DTYPES, REAL
from rustorch_cpu.kernels.operands import address
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status

FLOATING = frozenset({"float16", "bfloat16", "float32", "float64"})


def _matmul(dtype: str) -> Any:
    """``out = a @ b``; any strides of `a` and `b`."""
    dtype_id, _ = DTYPES[dtype]
    product, batched = lib.rt_matmul, lib.rt_matmul_batched

    def kernel(out, a, b):
        to = out.address
        from_a, from_b = a.address, b.address
        if len(out.shape) == 2:
            m, n = out.shape
            status = product(dtype_id, to, from_a, from_b, 0, m, n, a.shape[1], *a.strides, *b.strides)
        else:
            *batch, m, n = out.shape
            *a_batch, a_row, a_col = a.strides
            *b_batch, b_row, b_col = b.strides
            sizes = (m, n, a.shape[-1], a_row, a_col, b_row, b_col, len(batch))
            status = batched(dtype_id, to, from_a, from_b, *sizes, batch, a_batch, b_batch)
        if status:
            raise_status("matmul", status)

    return kernel


def _linear(dtype: str) -> Any:
    """``out = x @ weight.T + bias``; all operands contiguous."""
    dtype_id, _ = DTYPES[dtype]
    product = lib.rt_matmul

    def kernel(out, x, weight, bias):
        n, k = weight.shape
        status = product(
            dtype_id,
            out.address,
            x.address,
            weight.address,
            0 if bias is None else bias.address,
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


ACTIVATIONS = {
    "none": lib.RT_ACT_NONE,
    "relu": lib.RT_ACT_RELU,
    "gelu": lib.RT_ACT_GELU,
    "gelu_tanh": lib.RT_ACT_GELU_TANH,
    "silu": lib.RT_ACT_SILU,
    "tanh": lib.RT_ACT_TANH,
    "sigmoid": lib.RT_ACT_SIGMOID,
}


def _linear_fused(dtype: str) -> Any:
    """``out = activation(x @ weight.T + bias) + residual``; all contiguous, the weight perhaps in panels."""
    dtype_id, _ = DTYPES[dtype]
    product = lib.rt_linear_fused

    def kernel(out, x, weight, bias=None, residual=None, *, activation, out_features):
        panel = weight.shape[2] if len(weight.shape) == 3 else 0
        status = product(
            dtype_id,
            out.address,
            x.address,
            weight.address,
            address(bias),
            address(residual),
            out.shape.elements // out_features if out_features else 0,
            out_features,
            weight.shape[1],
            panel,
            ACTIVATIONS[activation],
        )
        if status:
            raise_status("linear_fused", status)

    kernel.panel_width = lib.rt_linear_fused_panel(dtype_id)
    return kernel


def kernels() -> list[Kernel]:
    """One closure per dtype."""
    found = [Kernel("matmul", _matmul(d), frozenset({d}), layout="strided") for d in sorted(ALL)]
    found += [Kernel("linear", _linear(d), frozenset({d})) for d in sorted(FLOATING)]
    return found + [Kernel("linear_fused", _linear_fused(d), frozenset({d})) for d in sorted(REAL)]
