"""Limiting gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rustorch.autograd import no_grad
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, TensorError
from rustorch.ops import creation, joining
from rustorch.ops.blame import explained_as
from rustorch.tensor import Tensor


def listed(name: str, tensors: Any) -> list[Any]:
    """Return a tensor or several as a list, after checking that they are tensors."""
    if not isinstance(tensors, Iterable):
        raise ArgumentTypeError(f"{name}: tensors are required, got {type(tensors).__name__}")
    found = [tensors] if isinstance(tensors, TensorBase) else list(tensors)
    for x in found:
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: tensors are required, got {type(x).__name__}")
    return found


@no_grad
@explained_as("get_total_norm")
def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Return the norm of all elements of some tensors, taken as one vector.

    Args:
        tensors: a tensor or an iterable of them, on any devices; the result is on the first one's.
        norm_type: the p of the p-norm, may be inf.
        error_if_nonfinite: raise if the norm is inf or NaN.
        foreach: accepted without effect.

    Raises:
        TensorError: if asked to for a norm that is not finite.
    """
    del foreach  # chooses between implementations in PyTorch
    given = listed("get_total_norm", tensors)
    if not given:
        return creation.tensor(0.0)
    p = float(norm_type)
    norms = [x.detach().norm(p).to(given[0].device) for x in given]
    total: Any = joining.stack(norms).norm(p)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise TensorError(
            f"get_total_norm: the norm of order {p:g} is {float(total)}, which cannot be clipped by",
            hint="pass error_if_nonfinite=False to clip nevertheless",
        )
    return total  # type: ignore[no-any-return]


@no_grad
def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients of parameters by ``min(1, max_norm / (total_norm + 1e-6))``, in place."""
    del foreach  # chooses between implementations in PyTorch
    norm: Any = total_norm
    factor = (float(max_norm) / (norm + 1e-6)).clamp(max=1.0)
    for p in listed("clip_grads_with_norm_", parameters):
        if p.grad is not None:  # no test whether the factor is 1: that would wait for the device
            p.grad.mul_(factor.to(p.grad.device))


@explained_as("clip_grad_norm_")
def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that their norm as one vector is at most `max_norm`.

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.

    Args:
        parameters: a tensor or an iterable of them; those without a gradient are skipped.
        max_norm: the largest norm allowed, not negative.
        norm_type: the p of the p-norm, may be inf.
        error_if_nonfinite: raise if the norm is inf or NaN.
        foreach: accepted without effect.

    Returns:
        the norm before.

    >>> import rustorch
    >>> x = rustorch.tensor([3.0, 4.0], requires_grad=True)
    >>> x.grad = rustorch.tensor([3.0, 4.0])
    >>> rustorch.nn.utils.clip_grad_norm_([x], max_norm=1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    if not max_norm >= 0:
        raise ArgumentError(f"clip_grad_norm_: max_norm must not be negative, got {max_norm}")
    given = listed("clip_grad_norm_", parameters)
    gradients = [p.grad for p in given if p.grad is not None]
    total: Tensor = get_total_norm(gradients, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(given, max_norm, total)
    return total


@no_grad
@explained_as("clip_grad_value_")
def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of all gradients to [-clip_value, clip_value], in place."""
    del foreach  # chooses between implementations in PyTorch
    limit = float(clip_value)
    if not limit >= 0:
        raise ArgumentError(f"clip_grad_value_: clip_value must not be negative, got {clip_value}")
    for p in listed("clip_grad_value_", parameters):
        if p.grad is not None:
            p.grad.clamp_(-limit, limit)
