"""Losses of predictions that are compared with a target element by element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.ops.activation import logsigmoid
from rustorch.ops.elementwise import elementwise
from rustorch.ops.public import public
from rustorch.ops.reduction import (
    REDUCTIONS,
    check_float,
    check_reduction,
    check_tensors,
    reduced,
    warn_of_broadcast,
)
from rustorch.ops.samples import array, call
from rustorch.ops.select import where

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _prepare(name: str, input: Any, target: Any, reduction: str) -> None:
    check_tensors(name, input=input, target=target)
    check_reduction(name, reduction)
    warn_of_broadcast(name, input, target)


def _weighted(name: str, loss: Any, weight: Any, reduction: str) -> Any:
    if weight is not None:
        check_tensors(name, weight=weight)
        loss = loss * weight
    return reduced(loss, reduction)


def _pairs() -> list[Any]:
    """Return the samples of the losses of differences."""
    return [
        call(array(3, 4, distinct=True), array(3, 4, low=-1.0, high=1.5)),
        call(array(3, 4, distinct=True), array(3, 4, low=-1.0, high=1.5), reduction="sum"),
        call(array(2, 3, distinct=True), array(2, 3, low=-1.0, high=1.5), reduction="none"),
        call(array(), array()),
        call(array(0, 2), array(0, 2), reduction="sum"),
    ]


@public(method=False, samples=_pairs)
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the squared difference (input - target)^2.

    Args:
        input: the prediction.
        target: of the same shape.
        reduction: "none", "mean" or "sum".
        weight: factors of the elements, which broadcast; a mean is then divided by their sum.
    """
    _prepare("mse_loss", input, target, reduction)
    loss = (input - target).square()
    return _mean_of_weighted("mse_loss", loss, weight, reduction)


def _mean_of_weighted(name: str, loss: Any, weight: Any, reduction: str) -> Any:
    if weight is None:
        return reduced(loss, reduction)
    check_tensors(name, weight=weight)
    if reduction != "mean":
        return reduced(loss * weight, reduction)
    return (loss * weight).sum() / weight.expand(loss.shape).sum()


@public(method=False, samples=_pairs)
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Return the absolute difference |input - target|; see :func:`mse_loss` for the arguments."""
    _prepare("l1_loss", input, target, reduction)
    return _mean_of_weighted("l1_loss", (input - target).abs(), weight, reduction)


@public(
    method=False,
    samples=lambda: [*_pairs(), call(array(3, 4, distinct=True), array(3, 4), beta=0.5)],
)
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = input - target (Girshick, 2015)."""
    _prepare("smooth_l1_loss", input, target, reduction)
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss: beta must be at least 0, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    size = (input - target).abs()
    return reduced(where(size < beta, size * size * (0.5 / beta), size - 0.5 * beta), reduction)


@public(
    method=False,
    samples=lambda: [*_pairs(), call(array(3, 4, distinct=True), array(3, 4), delta=0.5)],
)
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); d = input - target (Huber, 1964)."""
    _prepare("huber_loss", input, target, reduction)
    if delta <= 0:
        raise ArgumentError(f"huber_loss: delta must be positive, got {delta}")
    size = (input - target).abs()
    loss = where(size <= delta, size * size * 0.5, (size - 0.5 * delta) * delta)
    return _mean_of_weighted("huber_loss", loss, weight, reduction)


# -- probabilities -----------------------------------------------------------------------------------


@elementwise(hidden=True)
def bernoulli_loss(x: Tensor, t: Tensor) -> Tensor:
    """Return -(t log(x) + (1 - t) log(1 - x)), with logarithms of at least -100."""
    return (t - 1) * (-x).log1p().maximum(-100) - t * x.log().maximum(-100)


bernoulli_loss.vjp(
    lambda g, _out, x, t: g * (x - t) / ((1 - x) * x).maximum(1e-12),
    lambda g, _out, x, _t: g * ((-x).log1p().maximum(-100) - x.log().maximum(-100)),
)

_PROBABILITY = {"low": 0.1, "high": 0.9}


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4, **_PROBABILITY), array(3, 4, **_PROBABILITY)),
        call(
            array(3, **_PROBABILITY), array(3, **_PROBABILITY), array(3, low=0.5, grad=False), reduction="sum"
        ),
        call(array(2, 3, **_PROBABILITY), array(2, 3, **_PROBABILITY), reduction="none"),
    ],
)
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return -(target log(input) + (1 - target) log(1 - input)); logarithms are at least -100.

    Args:
        input: probabilities.
        target: probabilities, of the same shape.
        weight: factors of the elements, which broadcast.
        reduction: "none", "mean" or "sum".

    Raises:
        ShapeError: if the shapes differ.
        ArgumentError: if an input is outside of [0, 1] (checked on devices with host memory).
    """
    name = "binary_cross_entropy"
    _check_same_shape(name, input, target, reduction)
    if input.device.info.host_memory:
        inside = (input >= 0).logical_and(input <= 1)
        if not bool(inside.all()):
            raise ArgumentError(
                f"{name}: the input must lie in [0, 1]",
                hint="binary_cross_entropy_with_logits takes any number",
            )
    return _weighted(name, bernoulli_loss(input, target), weight, reduction)


def _check_same_shape(name: str, input: Any, target: Any, reduction: str) -> None:
    check_tensors(name, input=input, target=target)
    check_reduction(name, reduction)
    check_float(name, input)
    if input.shape != target.shape:
        raise ShapeError(
            f"{name}: input and target must have one shape, "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4, **_PROBABILITY)),
        call(array(3, 4), array(3, 4, **_PROBABILITY), array(4, low=0.5, grad=False), reduction="sum"),
        call(array(3, 4), array(3, 4, **_PROBABILITY), pos_weight=array(4, low=0.5, grad=False)),
        call(array(5, low=-40.0, high=40.0), array(5, **_PROBABILITY), reduction="none"),
    ],
)
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return binary cross-entropy of sigmoid(input), without overflow.

    Args:
        input: logits.
        target: probabilities, of the same shape.
        weight: factors of the elements, which broadcast.
        reduction: "none", "mean" or "sum".
        pos_weight: factors of the positive part, which broadcast.

    Raises:
        ShapeError: if the shapes differ.
    """
    name = "binary_cross_entropy_with_logits"
    _check_same_shape(name, input, target, reduction)
    positive: Any = target
    if pos_weight is not None:
        check_tensors(name, pos_weight=pos_weight)
        positive = (pos_weight - 1) * target + 1
        loss = (1 - target) * input - positive * logsigmoid(input)
    else:
        loss = (1 - target) * input - logsigmoid(input)
    return _weighted(name, loss, weight, reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4, **_PROBABILITY)),
        call(array(3, 4), array(3, 4), reduction="sum", log_target=True),
        call(array(3, 4), array(3, 4, **_PROBABILITY), reduction="batchmean"),
        call(array(3, 4), array(3, 4, **_PROBABILITY), reduction="none"),
    ],
)
def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return the Kullback-Leibler divergence target (log(target) - input).

    Args:
        input: log probabilities.
        target: probabilities, or their logarithms if `log_target`.
        reduction: "none", "mean" (over all elements), "batchmean" (the sum divided by the first size, which
            is the divergence of the definition) or "sum".
        log_target: whether `target` holds logarithms.
    """
    check_tensors("kl_div", input=input, target=target)
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    if log_target:
        loss = target.exp() * (target - input)
    else:
        positive = target > 0
        entropy = where(positive, target * where(positive, target, 1).log(), 0)
        loss = entropy - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.shape else loss
    return reduced(loss, reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4), array(3, 4, low=0.3, high=2.0)),
        call(array(3, 4), array(3, 4), array(3, 1, low=0.3, high=2.0), full=True, reduction="sum"),
        call(array(3, 4), array(3, 4), array(3, low=0.3, high=2.0), reduction="none"),
    ],
)
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Return (log(var) + (input - target)^2 / var) / 2, with var of at least eps.

    Args:
        input: means.
        target: of the same shape.
        var: variances: of the input's shape, without its last dim or with size 1 there, or one number.
        full: add the constant log(2 pi) / 2.
        eps: smallest variance that counts; it has no part in the derivative.
        reduction: "none", "mean" or "sum".
    """
    name = "gaussian_nll_loss"
    check_reduction(name, reduction)
    if isinstance(var, (int, float)):
        var = input.new_full(input.shape, var)
    check_tensors(name, input=input, target=target, var=var)
    if var.shape != input.shape:
        if tuple(var.shape) == tuple(input.shape[:-1]):
            var = var.unsqueeze(-1)
        elif tuple(var.shape) != (*input.shape[:-1], 1):
            raise ShapeError(
                f"{name}: var of shape {tuple(var.shape)} does not fit the input {tuple(input.shape)}"
            )
    if input.device.info.host_memory and bool((var < 0).any()):
        raise ArgumentError(f"{name}: var must not be negative")
    # the limit is applied to the value only, so that small variances still get a gradient
    var = var + (var.detach().maximum(eps) - var.detach())
    loss = (var.log() + (input - target).square() / var) * 0.5
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4, low=0.1, high=5.0, grad=False)),
        call(array(3, 4, low=0.2), array(3, 4, low=0.1, high=5.0, grad=False), log_input=False, full=True),
        call(array(3, 4), array(3, 4, low=0.1, high=5.0, grad=False), reduction="none"),
    ],
)
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood of a Poisson distribution.

    Args:
        input: the rate, or its logarithm if `log_input`.
        target: counts.
        log_input: whether `input` is a logarithm.
        full: add Stirling's approximation of log(target!) where the target exceeds 1.
        eps: is added to the rate before its logarithm.
        reduction: "none", "mean" or "sum".
    """
    check_tensors("poisson_nll_loss", input=input, target=target)
    check_reduction("poisson_nll_loss", reduction)
    loss: Any = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        large = target > 1
        safe = where(large, target, 1)
        stirling = safe * safe.log() - safe + 0.5 * (safe * (2 * math.pi)).log()
        loss = loss + where(large, stirling, 0)
    return reduced(loss, reduction)
