"""Softmax, losses and normalization, with the backward ops that PyTorch has for its own autograd."""

from __future__ import annotations

from typing import Any

import torch

from rustorch.errors import OutOfBoundsError
from rustorch_torch.kernels.build import contiguous
from rustorch_torch.views import FLOATS, WIDE

aten = torch.ops.aten
Tensor = torch.Tensor
Optional = torch.Tensor | None


def softmax_backward(g: Tensor, y: Tensor, *, dim: int) -> Tensor:
    return aten._softmax_backward_data(g, y, dim, y.dtype)


def log_softmax_backward(g: Tensor, y: Tensor, *, dim: int) -> Tensor:
    return aten._log_softmax_backward_data(g, y, dim, y.dtype)


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Optional, *, ignore_index: int
) -> tuple[Tensor, Tensor]:
    classes = logits.shape[1]
    wrong = ((target < 0) | (target >= classes)) & (target != ignore_index)
    if wrong.any():
        value = target[wrong][0].item()
        raise OutOfBoundsError(f"cross_entropy: target {value} is out of bounds for {classes} classes")
    log_probs = torch.log_softmax(logits, 1)
    loss, _ = aten.nll_loss_forward(log_probs, target, weight, 0, ignore_index)
    return loss, log_probs


def cross_entropy_backward(
    g: Tensor, log_probs: Tensor, target: Tensor, weight: Optional, *, ignore_index: int
) -> Tensor:
    unused = log_probs.new_zeros(())  # the sum of the weights, for a mean
    picked = aten.nll_loss_backward(g, log_probs, target, weight, 0, ignore_index, unused)
    return aten._log_softmax_backward_data(picked, log_probs, 1, log_probs.dtype)


def layer_norm(x: Tensor, weight: Optional, bias: Optional, *, ndim: int, eps: float) -> Any:
    return aten.native_layer_norm(x, x.shape[x.ndim - ndim :], weight, bias, eps)


def layer_norm_backward(
    g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Optional, *, ndim: int
) -> Any:
    shape = x.shape[x.ndim - ndim :]
    scale = x.new_ones(shape) if weight is None else weight  # without one PyTorch gives no `dw`
    return aten.native_layer_norm_backward(g, x, shape, mean, rstd, scale, scale, [True, True, True])


def batch_norm(x: Tensor, weight: Optional, bias: Optional, *, eps: float) -> Any:
    return aten.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)


def batch_norm_backward(g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Optional) -> Any:
    scale = x.new_ones(x.shape[1]) if weight is None else weight
    return aten.native_batch_norm_backward(g, x, scale, None, None, mean, rstd, True, 0.0, [True, True, True])


KERNELS = [
    contiguous("softmax", torch.softmax, FLOATS),
    contiguous("softmax_backward", softmax_backward, FLOATS),
    contiguous("log_softmax", torch.log_softmax, FLOATS),
    contiguous("log_softmax_backward", log_softmax_backward, FLOATS),
    # half precision: PyTorch keeps statistics in float32 on some devices and not on others
    contiguous("cross_entropy", cross_entropy, WIDE),
    contiguous("cross_entropy_backward", cross_entropy_backward, WIDE),
    contiguous("layer_norm", layer_norm, WIDE),
    contiguous("layer_norm_backward", layer_norm_backward, WIDE),
    contiguous("batch_norm", batch_norm, WIDE),
    contiguous("batch_norm_backward", batch_norm_backward, WIDE),
]
