"""Attention and its gradient."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch.dispatch.tables import packed
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import ffi, lib
from rustorch_cpu.status import raise_status

ZEROS = (0, 0, 0, 0)


@lru_cache(maxsize=256)
def _record(q_shape, v_shape, q, k, v, mask, g, out, causal, scale):
    """The C record for these shapes and strides; a model has few."""
    batch, heads, queries, width = q_shape
    keys, value_width = v_shape[2:]
    sizes = (batch, heads, queries, keys, width, value_width)
    return ffi.new("struct rt_attention *", (*sizes, q, k, v, mask, g, out, causal, scale))


def _attention(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(outs, q, k, v, mask, *, causal, scale):
        record = _record(
            q.shape,
            v.shape,
            q.strides,
            k.strides,
            v.strides,
            ZEROS if mask is None else mask.strides,
            ZEROS,
            ZEROS,
            causal,
            scale,
        )
        addresses = [x.address if x is not None else 0 for x in (*outs, q, k, v, mask)]
        status = lib.rt_attention(dtype_id, *addresses, record)
        if status:
            raise_status("attention", status)

    return kernel


def _attention_backward(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(outs, g, q, k, v, out, lse, mask, *, causal, scale):
        record = _record(
            q.shape,
            v.shape,
            q.strides,
            k.strides,
            v.strides,
            ZEROS if mask is None else mask.strides,
            g.strides,
            out.strides,
            causal,
            scale,
        )
        if lse.dense < 0:
            lse = packed(lse)  # C has no strides for it: what the forward kernel wrote has none
        operands = (*outs, g, q, k, v, out, lse, mask)
        addresses = [x.address if x is not None else 0 for x in operands]
        status = lib.rt_attention_backward(dtype_id, *addresses, record)
        if status:
            raise_status("attention_backward", status)

    return kernel


def kernels() -> list[Kernel]:
    """One closure per dtype; strided, so that interleaved heads and a broadcast mask are not copied."""
    makers = {"attention": _attention, "attention_backward": _attention_backward}
    return [
        Kernel(op, make(d), frozenset({d}), layout="strided")
        for op, make in makers.items()
        for d in sorted(REAL)
    ]
