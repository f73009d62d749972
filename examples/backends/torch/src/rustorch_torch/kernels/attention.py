"""Scaled dot-product attention: scores are made again for the backward op."""

from __future__ import annotations

import math

import torch

from rustorch_torch.kernels.build import stored
from rustorch_torch.views import WIDE

Tensor = torch.Tensor


def scores(q: Tensor, k: Tensor, mask: Tensor | None, *, causal: bool, scale: float) -> Tensor:
    found = torch.matmul(q, k.mT) * scale
    if mask is not None:
        found = found + mask
    if causal:
        future = torch.ones(found.shape[-2:], dtype=torch.bool, device=found.device).triu(1)
        found = found.masked_fill(future, -math.inf)
    return found


def weights(found: Tensor, lse: Tensor) -> Tensor:
    """Return the softmax of each row; zeros where it sees no key, since exp(-inf + inf) would be NaN."""
    return (found - lse.masked_fill(lse == -math.inf, 0).unsqueeze(-1)).exp()


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool, scale: float
) -> tuple[Tensor, Tensor]:
    found = scores(q, k, mask, causal=causal, scale=scale)
    lse = found.logsumexp(-1)
    return weights(found, lse) @ v, lse


def attention_backward(
    g: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    mask: Tensor | None,
    *,
    causal: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    p = weights(scores(q, k, mask, causal=causal, scale=scale), lse)
    ds = p * (g @ v.mT - (g * out).sum(-1, keepdim=True)) * scale
    return ds @ k, ds.mT @ q, p.mT @ g


KERNELS = [
    stored("attention", attention, WIDE),
    stored("attention_backward", attention_backward, WIDE),
]
