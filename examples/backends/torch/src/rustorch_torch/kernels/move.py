"""Kernels that move values and compute nothing."""

from __future__ import annotations

import torch

from rustorch_torch.kernels.build import stored, strided, written
from rustorch_torch.views import ALL, COMPLEX, FLOATS, INTEGERS, View, load, store, tensor


def fill(out: View, *, value: bool | int | float | complex) -> None:
    if out.dtype.name in INTEGERS:
        value = int(value) & (1 << 8 * out.dtype.itemsize) - 1  # integers wrap
        if out.dtype.name != "uint8" and value >> 8 * out.dtype.itemsize - 1:
            value -= 1 << 8 * out.dtype.itemsize
    tensor(out).fill_(value)


def cast(out: View, x: View) -> None:
    values = load(x)
    if x.dtype.name in COMPLEX and out.dtype.name in FLOATS | INTEGERS:
        values = values.real
    store(out, values)


def arange(out: View, *, start: int | float, step: int | float) -> None:
    device = out.storage.buffer.device
    wide = torch.int64
    if out.dtype.name in FLOATS:
        wide = torch.float32 if device.type == "mps" else torch.float64
    store(out, torch.arange(out.shape.elements, dtype=wide, device=device) * step + start)


KERNELS = [
    strided("fill", fill, ALL),
    stored("copy", lambda x: x, ALL),
    strided("cast", cast, ALL),
    strided("arange", arange, INTEGERS | FLOATS),
    written("where", torch.where, ALL),
]
