"""Softmax and layer normalization."""

from __future__ import annotations

import mlx.core as mx

from rustorch_mlx.kernels.build import functional, widened
from rustorch_mlx.views import SINGLE

Optional = mx.array | None


def softmax(x: mx.array, *, dim: int) -> mx.array:
    return mx.softmax(x, axis=dim)


def softmax_backward(g: mx.array, y: mx.array, *, dim: int) -> mx.array:
    return y * (g - (g * y).sum(axis=dim, keepdims=True))


def log_softmax(x: mx.array, *, dim: int) -> mx.array:
    # not `x - logsumexp(x)`, which would round to the digits of the largest element
    shifted = x - x.max(axis=dim, keepdims=True)
    return shifted - mx.log(mx.exp(shifted).sum(axis=dim, keepdims=True))


def log_softmax_backward(g: mx.array, y: mx.array, *, dim: int) -> mx.array:
    return g - mx.exp(y) * g.sum(axis=dim, keepdims=True)


def layer_norm(
    x: mx.array, weight: Optional, bias: Optional, *, ndim: int, eps: float
) -> tuple[mx.array, mx.array, mx.array]:
    """`mx.fast.layer_norm` normalizes one dim; mean and rstd are computed only if someone reads them."""
    dims = tuple(range(-ndim, 0))
    flat = x.reshape(*x.shape[: x.ndim - ndim], -1)
    scale, shift = (None if p is None else p.reshape(-1) for p in (weight, bias))
    y = mx.fast.layer_norm(flat, scale, shift, eps).reshape(x.shape)
    return y, x.mean(axis=dims, keepdims=True), mx.rsqrt(x.var(axis=dims, keepdims=True) + eps)


def layer_norm_backward(
    g: mx.array, x: mx.array, mean: mx.array, rstd: mx.array, weight: Optional, *, ndim: int
) -> tuple[mx.array, mx.array, mx.array]:
    dims, rows = tuple(range(-ndim, 0)), tuple(range(x.ndim - ndim))
    normal = (x - mean) * rstd
    inner = g if weight is None else g * weight
    along = (inner * normal).mean(axis=dims, keepdims=True)
    dx = rstd * (inner - inner.mean(axis=dims, keepdims=True) - normal * along)
    return dx, (g * normal).sum(axis=rows), g.sum(axis=rows)


FUNCTIONS = (
    softmax,
    softmax_backward,
    log_softmax,
    log_softmax_backward,
    layer_norm,
    layer_norm_backward,
)
KERNELS = [functional(function.__name__, widened(function), SINGLE) for function in FUNCTIONS]
