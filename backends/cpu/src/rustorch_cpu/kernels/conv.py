"""2-D convolution and its two gradients."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import ffi, lib
from rustorch_cpu.status import raise_status


@lru_cache(maxsize=1024)
def _geometry(x, weight, output, stride, padding, dilation, groups):
    """The C record of a convolution between these shapes; the same few come back in every step."""
    (n, c, h, w), (_, _, kh, kw), (_, o, oh, ow) = x, weight, output
    return ffi.new("struct rt_conv *", (n, c, h, w, o, oh, ow, kh, kw, *stride, *padding, *dilation, groups))


def _conv2d(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, x, weight, bias, *, stride, padding, dilation, groups):
        status = lib.rt_conv2d(
            dtype_id,
            out.address,
            x.address,
            weight.address,
            0 if bias is None else bias.address,
            _geometry(x.shape, weight.shape, out.shape, stride, padding, dilation, groups),
        )
        if status:
            raise_status("conv2d", status)

    return kernel


def _conv2d_input_grad(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, g, weight, *, stride, padding, dilation, groups):
        geometry = _geometry(out.shape, weight.shape, g.shape, stride, padding, dilation, groups)
        status = lib.rt_conv2d_input_grad(dtype_id, out.address, g.address, weight.address, geometry)
        if status:
            raise_status("conv2d_input_grad", status)

    return kernel


def _conv2d_weight_grad(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, g, x, *, stride, padding, dilation, groups):
        geometry = _geometry(x.shape, out.shape, g.shape, stride, padding, dilation, groups)
        status = lib.rt_conv2d_weight_grad(dtype_id, out.address, g.address, x.address, geometry)
        if status:
            raise_status("conv2d_weight_grad", status)

    return kernel


def kernels() -> list[Kernel]:
    """One closure per dtype."""
    makers = {
        "conv2d": _conv2d,
        "conv2d_input_grad": _conv2d_input_grad,
        "conv2d_weight_grad": _conv2d_weight_grad,
    }
    return [Kernel(op, make(d), frozenset({d})) for op, make in makers.items() for d in sorted(REAL)]
