"""Kernels that do not look where they should: strides, offsets, sizes, tails."""

from __future__ import annotations

import itertools

import numpy as np

from rustorch.base import view_of
from wrong_kernels.planting import found_in, wrong
from wrong_kernels.reading import array, fresh, read


@wrong(
    "add",
    "leaves the last element out where the count is no multiple of 4",
    like="a SIMD loop whose remainder stops one short",
)
def tail_is_one_short(right):
    def kernel(out, a, b):
        count = out.shape.elements
        old = array(out).copy()
        right(out, a, b)
        if count % 4:
            array(out)[tuple(size - 1 for size in out.shape)] = old.reshape(-1)[-1]

    return kernel


@wrong(
    "exp",
    "takes the elements as they lie in memory",
    like="ELU on a transposed tensor, pytorch/pytorch#124834",
)
def ignores_strides(right):
    return lambda out, x: right(out, fresh(x, read(x, x.offset, x.shape.strides)))


@wrong("abs", "starts at the beginning of the storage", like="linear on slices, pytorch/pytorch#161641")
def ignores_offset(right):
    def kernel(out, x):
        lowest = -sum(min(0, (size - 1) * step) for size, step in zip(x.shape, x.strides, strict=True))
        right(out, view_of(x, x.shape, x.strides, lowest if x.shape.elements else x.offset))

    return kernel


@wrong(
    "mul", "reads on where an operand is expanded", like="a kernel that takes a stride of 0 for contiguous"
)
def ignores_zero_strides(right):
    def kernel(out, a, b):
        if any(step == 0 < size - 1 for size, step in zip(b.shape, b.strides, strict=True)):
            b = fresh(b, read(b, b.offset, b.shape.strides))
        right(out, a, b)

    return kernel


@wrong("sub", "walks forward where it should walk backward", like="strides kept in an unsigned integer")
def negative_strides(right):
    def kernel(out, a, b):
        a, b = (fresh(x, read(x, x.offset, [abs(step) for step in x.strides])) for x in (a, b))
        right(out, a, b)

    return kernel


@wrong(
    "matmul",
    "takes batch 0 of both operands where one is broadcast",
    like="batched products with a batch stride of 0",
)
def broadcast_batch(right):
    def kernel(out, a, b):
        batch = range(len(out.shape) - 2)
        if any(x.strides[d] == 0 < x.shape[d] - 1 for x in (a, b) for d in batch):
            a, b = (view_of(x, x.shape, (*[0] * len(batch), *x.strides[-2:]), x.offset) for x in (a, b))
        right(out, a, b)

    return kernel


@wrong("where", "computes element i modulo 2^16", like="an index of 16 bits, or a grid with too many blocks")
def only_the_first_64k(right):
    def kernel(out, condition, a, b):
        right(out, condition, a, b)
        values = array(out)
        if values.size > 1 << 16:
            values[...] = np.resize(values.reshape(-1)[: 1 << 16], values.shape)

    return kernel


@wrong(
    "cumsum", "begins anew every 1024 elements", like="a scan by blocks that loses the carry", backend="cpu"
)
def lost_carry(right):
    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if x.shape and x.shape[dim] > 1024:
            values, result = (np.moveaxis(array(v), dim, -1) for v in (x, out))
            for start in range(1024, x.shape[dim], 1024):
                part = slice(start, start + 1024)
                result[..., part] = np.cumsum(values[..., part], -1)

    return kernel


@wrong(
    "conv2d",
    "takes neighbouring pixels whatever the dilation",
    like="a fast path chosen without looking at dilation",
    backend="cpu",
)
def ignores_dilation(right):
    def kernel(out, x, weight, bias, *, stride, padding, dilation, groups):
        right(out, x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        if dilation == (1, 1) or not x.shape.elements:
            return
        n, (o, per, kh, kw) = x.shape[0], weight.shape
        padded = np.pad(array(x), [(0, 0), (0, 0), *[(p, p) for p in padding]])
        result = np.zeros(out.shape)
        for i, j in itertools.product(range(kh), range(kw)):
            rows = slice(i, i + stride[0] * out.shape[2], stride[0])
            columns = slice(j, j + stride[1] * out.shape[3], stride[1])
            part = padded[:, :, rows, columns][:, :, : out.shape[2], : out.shape[3]]
            part = part.reshape(n, groups, per, *out.shape[2:])
            filters = array(weight)[..., i, j].reshape(groups, o // groups, per)
            result += np.einsum("ngphw,gop->ngohw", part, filters).reshape(out.shape)
        array(out)[...] = result if bias is None else result + array(bias).reshape(-1, 1, 1)

    return kernel


WRONG = found_in(globals())
