"""Scaled dot-product attention: scores are made again for the backward op."""

from __future__ import annotations

import math

import mlx.core as mx

from rustorch_mlx.kernels.build import functional, widened
from rustorch_mlx.views import SINGLE

Optional = mx.array | None


def scores(q: mx.array, k: mx.array, mask: Optional, *, causal: bool, scale: float) -> mx.array:
    found = (q @ k.swapaxes(-1, -2)) * scale
    if mask is not None:
        found = found + mask
    if causal:
        found = mx.where(mx.tri(*found.shape[-2:], dtype=mx.bool_), found, -math.inf)
    return found


def weights(found: mx.array, lse: mx.array) -> mx.array:
    """Return the softmax of each row; zeros where it sees no key, since exp(-inf + inf) would be NaN."""
    return mx.exp(found - mx.where(lse == -math.inf, 0, lse)[..., None])


def attention(
    q: mx.array, k: mx.array, v: mx.array, mask: Optional, *, causal: bool, scale: float
) -> tuple[mx.array, mx.array]:
    found = scores(q, k, mask, causal=causal, scale=scale)
    lse = mx.logsumexp(found, axis=-1)
    return weights(found, lse) @ v, lse


def attention_backward(
    g: mx.array,
    q: mx.array,
    k: mx.array,
    v: mx.array,
    out: mx.array,
    lse: mx.array,
    mask: Optional,
    *,
    causal: bool,
    scale: float,
) -> tuple[mx.array, mx.array, mx.array]:
    p = weights(scores(q, k, mask, causal=causal, scale=scale), lse)
    ds = p * (g @ v.swapaxes(-1, -2) - (g * out).sum(axis=-1, keepdims=True)) * scale
    return ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g


KERNELS = [
    functional("attention", widened(attention), SINGLE),
    functional("attention_backward", widened(attention_backward), SINGLE),
]
