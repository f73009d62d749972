"""Convolution of planes.  MLX keeps channels last; its own derivatives give the gradients."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from rustorch_mlx.kernels.build import writing
from rustorch_mlx.views import SINGLE, View, dtype_of, load, store


def last(x: mx.array) -> mx.array:
    """Move the channels of (N, C, H, W), or of a weight, to the end."""
    return x.transpose(0, 2, 3, 1)


def first(x: mx.array) -> mx.array:
    """Move them back."""
    return x.transpose(0, 3, 1, 2)


def correlate(x: mx.array, weight: mx.array, how: dict[str, Any]) -> mx.array:
    return first(mx.conv2d(last(x), last(weight), **how))


def conv2d(out: View, x: View, weight: View, bias: View, **how: Any) -> None:
    if not out.shape.elements:
        return
    found = correlate(load(x), load(weight), how)
    store(out, found if bias is None else found + load(bias)[:, None, None])


def conv2d_input_grad(out: View, g: View, weight: View, **how: Any) -> None:
    fixed = load(weight)
    anywhere = mx.zeros(out.shape, dtype_of(out))  # linear in x: the gradient is the same at any point
    store(out, mx.vjp(lambda x: correlate(x, fixed, how), [anywhere], [load(g)])[1][0])


def conv2d_weight_grad(out: View, g: View, x: View, *, padding: tuple[int, int], **how: Any) -> None:
    # padded here, since MLX leaves the border out, and with it a NaN of g that only meets zeros
    fixed = mx.pad(load(x), [(0, 0), (0, 0), *((size, size) for size in padding)])
    anywhere = mx.zeros(out.shape, dtype_of(out))
    if not fixed.size:
        store(out, anywhere)  # MLX cannot convolve an empty batch
        return
    store(out, mx.vjp(lambda weight: correlate(fixed, weight, how), [anywhere], [load(g)])[1][0])


FUNCTIONS = (conv2d, conv2d_input_grad, conv2d_weight_grad)
KERNELS = [writing(function.__name__, function, SINGLE) for function in FUNCTIONS]
