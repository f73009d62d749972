"""2-D pooling and its gradients."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import ffi, lib
from rustorch_cpu.status import raise_status


@lru_cache(maxsize=1024)
def _geometry(x, out, kernel_size, stride, padding, dilation=(1, 1), count_padding=True, divisor=None):
    """The C record of a pooling from shape `x` to shape `out`."""
    (n, c, h, w), (_, _, oh, ow) = x, out
    sizes = (n * c, h, w, oh, ow, *kernel_size, *stride, *padding, *dilation)
    return ffi.new("struct rt_pool2d *", (*sizes, count_padding, divisor or 0))


def _max_pool2d(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, x, *, kernel_size, stride, padding, dilation):
        y, indices = out
        geometry = _geometry(x.shape, y.shape, kernel_size, stride, padding, dilation)
        status = lib.rt_max_pool2d(dtype_id, y.address, indices.address, x.address, geometry)
        if status:
            raise_status("max_pool2d", status)

    return kernel


def _max_pool2d_backward(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]
    ones = (1, 1)

    def kernel(out, g, indices):
        geometry = _geometry(out.shape, g.shape, ones, ones, ones)
        status = lib.rt_max_pool2d_backward(dtype_id, out.address, g.address, indices.address, geometry)
        if status:
            raise_status("max_pool2d_backward", status)

    return kernel


def _avg_pool2d(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, x, *, kernel_size, stride, padding, count_include_pad, divisor_override):
        geometry = _geometry(
            x.shape, out.shape, kernel_size, stride, padding, (1, 1), count_include_pad, divisor_override
        )
        status = lib.rt_avg_pool2d(dtype_id, out.address, x.address, geometry)
        if status:
            raise_status("avg_pool2d", status)

    return kernel


def _avg_pool2d_backward(dtype: str) -> Any:
    dtype_id, _ = DTYPES[dtype]

    def kernel(out, g, *, kernel_size, stride, padding, count_include_pad, divisor_override):
        geometry = _geometry(
            out.shape, g.shape, kernel_size, stride, padding, (1, 1), count_include_pad, divisor_override
        )
        status = lib.rt_avg_pool2d_backward(dtype_id, out.address, g.address, geometry)
        if status:
            raise_status("avg_pool2d_backward", status)

    return kernel


def kernels() -> list[Kernel]:
    """One closure per dtype."""
    makers = {
        "max_pool2d": _max_pool2d,
        "max_pool2d_backward": _max_pool2d_backward,
        "avg_pool2d": _avg_pool2d,
        "avg_pool2d_backward": _avg_pool2d_backward,
    }
    return [Kernel(op, make(d), frozenset({d})) for op, make in makers.items() for d in sorted(REAL)]
