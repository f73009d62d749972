"""Layer and batch normalisation, with their backward ops."""

from __future__ import annotations

from math import prod

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.kernels.operands import address
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status


def _rows(shape: tuple[int, ...], ndim: int) -> tuple[int, int]:
    """A shape as (rows, n), where the last `ndim` dims make a row."""
    lead = len(shape) - ndim
    return prod(shape[:lead]), prod(shape[lead:])


def layer_norm(out, x, weight=None, bias=None, *, ndim, eps) -> None:
    """``(x - mean) / sqrt(var + eps) * weight + bias`` over the last `ndim` dims."""
    y, mean, rstd = out
    lib.rt_layer_norm(
        DTYPES[x.dtype.name][0],
        address(y),
        address(mean),
        address(rstd),
        address(x),
        address(weight),
        address(bias),
        *_rows(x.shape, ndim),
        eps,
    )


def layer_norm_backward(out, g, x, mean, rstd, weight=None, *, ndim) -> None:
    """Gradients of x, weight and bias."""
    dx, dw, db = out
    status = lib.rt_layer_norm_backward(
        DTYPES[x.dtype.name][0],
        address(dx),
        address(dw),
        address(db),
        address(g),
        address(x),
        address(mean),
        address(rstd),
        address(weight),
        *_rows(x.shape, ndim),
    )
    if status:
        raise_status("layer_norm_backward", status)


def batch_norm(out, x, weight=None, bias=None, *, eps) -> None:
    """Normalise each channel (dim 1) by its own mean and biased variance over the batch."""
    y, mean, rstd = out
    batch, channels, *spatial = x.shape
    lib.rt_batch_norm(
        DTYPES[x.dtype.name][0],
        address(y),
        address(mean),
        address(rstd),
        address(x),
        address(weight),
        address(bias),
        batch,
        channels,
        prod(spatial),
        eps,
    )


def batch_norm_backward(out, g, x, mean, rstd, weight=None) -> None:
    """Gradients of x, weight and bias."""
    dx, dw, db = out
    batch, channels, *spatial = x.shape
    lib.rt_batch_norm_backward(
        DTYPES[x.dtype.name][0],
        address(dx),
        address(dw),
        address(db),
        address(g),
        address(x),
        address(mean),
        address(rstd),
        address(weight),
        batch,
        channels,
        prod(spatial),
    )


def channel_affine(out, x, scale, shift) -> None:
    """``x * scale + shift`` per channel (dim 1)."""
    batch, channels, *spatial = x.shape
    lib.rt_channel_affine(
        DTYPES[x.dtype.name][0],
        out.address,
        x.address,
        scale.address,
        shift.address,
        batch,
        channels,
        prod(spatial),
    )


def kernels() -> list[Kernel]:
    """All of them, for float32 and float64."""
    return [
        Kernel(fn.__name__, fn, REAL)
        for fn in (layer_norm, layer_norm_backward, batch_norm, batch_norm_backward, channel_affine)
    ]
