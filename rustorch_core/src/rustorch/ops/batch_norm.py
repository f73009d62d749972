"""Normalisation per channel: over the batch, or per instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, ShapeError
from rustorch.ops import standardize
from rustorch.ops.movement import reshape
from rustorch.ops.norm import channel_affine, channel_affine_op, check_parameter, layer_norm_op, per_channel
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.reduction import check_float, check_tensors
from rustorch.ops.samples import array, call
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _others(x: Any) -> tuple[int, ...]:
    """Return all dims but that of the channels."""
    return (0, *range(2, len(x.shape)))


def _wide(x: Any, ndim: int) -> Any:
    return None if x is None else per_channel(x, ndim)


def _rule(x: Any, weight: Any, bias: Any, *, eps: float) -> list[tuple[Shape, DType]]:
    channels = Shape((x.shape[1],))
    return [(x.shape, x.dtype), (channels, x.dtype), (channels, x.dtype)]


def _forward(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    ndim = len(x.shape)
    y, mean, rstd = standardize.forward(x, _wide(weight, ndim), _wide(bias, ndim), dims=_others(x), eps=eps)
    return y, reshape(mean, (-1,)), reshape(rstd, (-1,))


def _backward_rule(g: Any, x: Any, mean: Any, rstd: Any, weight: Any) -> list[tuple[Shape, DType]]:
    return [(x.shape, x.dtype), (mean.shape, x.dtype), (mean.shape, x.dtype)]


def _backward(g: Any, x: Any, mean: Any, rstd: Any, weight: Any) -> Any:
    ndim = len(x.shape)
    mean, rstd, weight = _wide(mean, ndim), _wide(rstd, ndim), _wide(weight, ndim)
    dx, dw, db = standardize.backward(g, x, mean, rstd, weight, dims=_others(x), shared=_others(x))
    return dx, reshape(dw, (-1,)), reshape(db, (-1,))


batch_norm_op = Op(
    "batch_norm",
    _rule,
    decomposition=_forward,
    partner="batch_norm_backward",
    unused_results=(0,),
    doc="Normalise each channel over the batch; returns y, mean and 1/sqrt(variance + eps).",
)
batch_norm_backward = Op(
    "batch_norm_backward", _backward_rule, decomposition=_backward, doc="Gradients of x, weight, bias."
)


def _vjp(g: Any, out: Any, x: Any, weight: Any, _bias: Any, *, needs: Any, eps: float) -> list[Any]:
    g_y, g_mean, g_rstd = g
    _, mean, rstd = out
    grads: list[Any] = [None, None, None]
    if g_y is not None:
        grads = list(batch_norm_backward(g_y, x, mean, rstd, weight))
    if g_mean is not None or g_rstd is not None:
        ndim = len(x.shape)
        more = standardize.statistics_backward(
            _wide(g_mean, ndim), _wide(g_rstd, ndim), x, _wide(mean, ndim), _wide(rstd, ndim), dims=_others(x)
        )
        grads[0] = more if grads[0] is None else grads[0] + more
    return [grad if need else None for grad, need in zip(grads, needs, strict=True)]


batch_norm_op.joint_vjp(_vjp)


def _second(h: Any, _out: Any, g: Any, x: Any, mean: Any, rstd: Any, weight: Any, *, needs: Any) -> list[Any]:
    ndim, dims = len(x.shape), _others(x)
    on_dx, on_dw, on_db = h
    grads = standardize.second(
        (on_dx, _wide(on_dw, ndim), _wide(on_db, ndim)),
        (g, x, _wide(mean, ndim), _wide(rstd, ndim), _wide(weight, ndim)),
        needs=needs,
        dims=dims,
        shared=dims,
    )
    return [*grads[:2], *[None if grad is None else reshape(grad, (-1,)) for grad in grads[2:]]]


batch_norm_backward.joint_vjp(_second)

# -- functions ---------------------------------------------------------------------------------------


def _check(name: str, input: Any, **vectors: Any) -> None:
    check_tensors(name, input=input, **{k: v for k, v in vectors.items() if v is not None})
    check_float(name, input)
    if len(input.shape) < 2:
        raise ShapeError(f"{name}: an input (N, C, ...) is required, got shape {tuple(input.shape)}")
    for role, vector in vectors.items():
        if vector is not None:
            check_parameter(name, role, vector, (input.shape[1],), input.dtype)


def _follow(running: Any, value: Any, momentum: float) -> None:
    """Move a running statistic towards a value, in place and unrecorded."""
    if running is not None:
        running.detach().mul_(1 - momentum).add_(value * momentum)


def _unbiased(rstd: Any, eps: float, count: int) -> Any:
    """Return the sample variance from 1/sqrt(biased variance + eps)."""
    return (1 / (rstd * rstd) - eps) * (count / (count - 1))


_CHANNELS = {"low": 0.5, "high": 1.5, "grad": False}


@public(
    method=False,
    samples=lambda: [
        call(array(4, 3), array(3, **_CHANNELS), array(3, **_CHANNELS), array(3), array(3)),
        call(array(4, 3), None, None, array(3), array(3), True),
        call(array(2, 3, 4), None, None, None, None, True, 0.1, 1e-3),
        call(array(2, 3, 2, 2), None, None, array(3), None, training=True),
        call(array(2, 3, 2), array(3, **_CHANNELS), array(3, **_CHANNELS)),
    ],
)
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) * weight + bias per channel (Ioffe and Szegedy, 2015).

    Args:
        input: (N, C, ...).
        running_mean: (C,); used for evaluation, and updated in place in training.
        running_var: (C,); likewise, with the unbiased variance.
        weight: (C,) or None.
        bias: (C,) or None.
        training: take the statistics of the batch.
        momentum: share of the batch's statistics in an update.
        eps: is added to the variance.

    Raises:
        ShapeError: if an operand does not fit, or a channel has a single value in training.
        ArgumentError: if there are no running statistics for evaluation.
    """
    name = "batch_norm"
    _check(name, input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not training:
        return _with_statistics(name, input, running_mean, running_var, weight, bias, eps)
    count = input.shape.elements // max(input.shape[1], 1)
    if count == 1:
        raise ShapeError(
            f"{name}: more than one value per channel is required in training, got shape {tuple(input.shape)}"
        )
    y, mean, rstd = batch_norm_op(input, weight, bias, eps=eps)
    if count and running_mean is not None:
        _follow(running_mean, mean.detach(), momentum)
    if count and running_var is not None:
        _follow(running_var, _unbiased(rstd.detach(), eps, count), momentum)
    return y


def _with_statistics(name: str, x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    if mean is None or var is None:
        raise ArgumentError(f"{name}: running_mean and running_var are required for evaluation")
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return channel_affine_op(x, scale, shift)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4)),
        call(array(2, 3, 2, 2), None, None, array(3), array(3), eps=1e-3),
        call(array(2, 3, 4), array(3, **_CHANNELS), array(3, **_CHANNELS), array(3), use_input_stats=False),
    ],
)
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return each channel of each instance normalised by its own statistics (Ulyanov et al., 2016).

    Args:
        input: (N, C, ...), of at least 3 dims.
        running_mean: (C,); updated in place with the mean over the instances.
        running_var: (C,); likewise, with the unbiased variance.
        weight: (C,) or None.
        bias: (C,) or None.
        use_input_stats: False to use the running statistics.
        momentum: share of the batch's statistics in an update.
        eps: is added to the variance.
    """
    name = "instance_norm"
    _check(name, input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if not use_input_stats:
        return _with_statistics(name, input, running_mean, running_var, weight, bias, eps)
    sizes = input.shape
    count = Shape(sizes[2:]).elements
    if count <= 1:
        raise ShapeError(f"{name}: more than one value per channel is required, got shape {tuple(sizes)}")
    rows = reshape(input, (sizes[0] * sizes[1], count))
    y, mean, rstd = layer_norm_op(rows, None, None, ndim=1, eps=eps)
    if sizes[0]:
        if running_mean is not None:
            _follow(running_mean, reshape(mean.detach(), sizes[:2]).mean(0), momentum)
        if running_var is not None:
            variance = _unbiased(rstd.detach(), eps, count)
            _follow(running_var, reshape(variance, sizes[:2]).mean(0), momentum)
    return channel_affine(reshape(y, sizes), weight, bias)
