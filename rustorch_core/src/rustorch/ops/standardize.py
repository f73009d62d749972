"""The arithmetic of normalisation: forward, backward and the derivative of backward.

Elements that share statistics form a *group*: the elements over which `dims` runs.  The formulas
are those of

    h = (x - mean) * rstd,   y = h * weight + bias

with `mean` and `rstd` of size 1 in `dims`, and `weight` and `bias` of size 1 in `shared`, the dims
along which they repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Dims = tuple[int, ...]


def _sum(x: Any, dims: Dims) -> Any:
    return x.sum(dims, keepdim=True) if dims else x


def _mean(x: Any, dims: Dims) -> Any:
    return x.mean(dims, keepdim=True) if dims else x


def forward(x: Any, weight: Any, bias: Any, *, dims: Dims, eps: float) -> tuple[Any, Any, Any]:
    """Return y, mean and rstd = 1 / sqrt(biased variance + eps)."""
    mean = _mean(x, dims)
    centred = x - mean
    rstd = (_mean(centred * centred, dims) + eps).rsqrt()
    y = centred * rstd
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias, mean, rstd


def backward(
    g: Any, x: Any, mean: Any, rstd: Any, weight: Any, *, dims: Dims, shared: Dims
) -> tuple[Any, Any, Any]:
    """Return the gradients of x, weight and bias, where mean and rstd follow x."""
    h = (x - mean) * rstd
    a = g if weight is None else g * weight
    dx = (a - _mean(a, dims) - h * _mean(a * h, dims)) * rstd
    return dx, _sum(g * h, shared), _sum(g, shared)


def statistics_backward(g_mean: Any, g_rstd: Any, x: Any, mean: Any, rstd: Any, *, dims: Dims) -> Any:
    """Return the gradient of x that the gradients of mean and rstd (None: none) bring."""
    count = 1
    for d in dims:
        count *= x.shape[d]
    total = x.new_zeros(x.shape)
    if g_mean is not None:
        total = total + g_mean / count
    if g_rstd is not None:
        total = total - (x - mean) * (g_rstd * rstd * rstd * rstd / count)
    return total


def second(
    grads: tuple[Any, Any, Any],
    operands: tuple[Any, Any, Any, Any, Any],
    *,
    needs: Sequence[bool],
    dims: Dims,
    shared: Dims,
) -> list[Any]:
    """Return the gradients of g, x, mean, rstd and weight from those of backward's results.

    mean and rstd count as operands of their own here; that they follow x is the forward op's
    business (`statistics_backward`).
    """
    on_dx, on_dw, on_db = grads
    g, x, mean, rstd, weight = operands
    centred = x - mean
    h = centred * rstd
    a = g if weight is None else g * weight
    zero = x.new_zeros(x.shape)
    u = zero if on_dx is None else on_dx
    correlation = _mean(u * h, dims)
    share = _mean(a * h, dims)
    # dL/da, and from it what reaches g and weight
    on_a = (u - _mean(u, dims) - h * correlation) * rstd
    on_g = on_a if weight is None else on_a * weight
    on_h = -(u * share + a * correlation) * rstd
    if on_dw is not None:
        on_g = on_g + h * on_dw
        on_h = on_h + g * on_dw
    if on_db is not None:
        on_g = on_g + on_db
    on_x = on_h * rstd
    on_rstd = None
    if needs[3]:
        inner = u * (a - _mean(a, dims) - h * share) + on_h * centred
        on_rstd = _sum(inner, dims)
    return [
        on_g if needs[0] else None,
        on_x if needs[1] else None,
        -_sum(on_x, dims) if needs[2] else None,
        on_rstd,
        _sum(on_a * g, shared) if needs[4] and weight is not None else None,
    ]
