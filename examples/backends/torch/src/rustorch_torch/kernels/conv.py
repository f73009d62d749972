"""Convolution and pooling of planes (N, C, H, W)."""

from __future__ import annotations

from typing import Any

import torch

from rustorch_torch.kernels.build import strided
from rustorch_torch.views import FLOATS, View, load, store

aten = torch.ops.aten
NO_OUTPUT_PADDING = (0, 0)


def conv2d(out: View, x: View, weight: View, bias: View, *, stride, padding, dilation, groups) -> None:
    found = aten.convolution(
        load(x), load(weight), load(bias), stride, padding, dilation, False, NO_OUTPUT_PADDING, groups
    )
    store(out, found)


def gradients(g, x, weight, *, stride, padding, dilation, groups, wanted: list[bool]) -> Any:
    """Return the gradients in x and weight; of the one that is wanted only the shape is read."""
    return aten.convolution_backward(
        g, x, weight, None, stride, padding, dilation, False, NO_OUTPUT_PADDING, groups, [*wanted, False]
    )


def conv2d_input_grad(out: View, g: View, weight: View, **how: Any) -> None:
    g = load(g)
    store(out, gradients(g, g.new_empty(out.shape), load(weight), **how, wanted=[True, False])[0])


def conv2d_weight_grad(out: View, g: View, x: View, **how: Any) -> None:
    g = load(g)
    store(out, gradients(g, load(x), g.new_empty(out.shape), **how, wanted=[False, True])[1])


def rounds_up(view: View, size, *, kernel_size, stride, padding, dilation=(1, 1)) -> bool:
    """Return whether the result has a last window that is cut off (PyTorch's `ceil_mode`)."""
    windows = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size[2:], kernel_size, stride, padding, dilation, strict=True)
    ]
    return tuple(view.shape[2:]) != tuple(windows)


def max_pool2d(out: tuple[View, View], x: View, **how: Any) -> None:
    found = aten.max_pool2d_with_indices(
        load(x),
        *(how[name] for name in ("kernel_size", "stride", "padding", "dilation")),
        rounds_up(out[0], x.shape, **how),
    )
    for view, values in zip(out, found, strict=True):
        store(view, values)


def max_pool2d_backward(out: View, g: View, indices: View) -> None:
    g, indices = load(g).flatten(2), load(indices).flatten(2)
    planes = g.new_zeros((*out.shape[:2], out.shape[2] * out.shape[3]))
    store(out, planes.scatter_add(2, indices, g).view(out.shape))


def avg_pool2d(
    out: View, x: View, *, kernel_size, stride, padding, count_include_pad, divisor_override
) -> None:
    up = rounds_up(out, x.shape, kernel_size=kernel_size, stride=stride, padding=padding)
    found = aten.avg_pool2d(load(x), kernel_size, stride, padding, up, count_include_pad, divisor_override)
    store(out, found)


def avg_pool2d_backward(
    out: View, g: View, *, kernel_size, stride, padding, count_include_pad, divisor_override
) -> None:
    up = rounds_up(g, out.shape, kernel_size=kernel_size, stride=stride, padding=padding)
    g = load(g)
    found = aten.avg_pool2d_backward(
        g, g.new_empty(out.shape), kernel_size, stride, padding, up, count_include_pad, divisor_override
    )
    store(out, found)


#: Of half precision PyTorch's convolutions spread a NaN to elements that do not see it, or lose it.
CONVOLUTIONS = (conv2d, conv2d_input_grad, conv2d_weight_grad)
POOLS = (
    max_pool2d,
    max_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
)
KERNELS = [
    *(strided(function.__name__, function, frozenset({"float32", "float64"})) for function in CONVOLUTIONS),
    *(strided(function.__name__, function, FLOATS) for function in POOLS),
]
