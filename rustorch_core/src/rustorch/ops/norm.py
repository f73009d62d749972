"""Normalisation over the last dims, over groups of channels, and of vectors."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops import standardize
from rustorch.ops.movement import movedim, reshape, sliding_windows
from rustorch.ops.op import Op
from rustorch.ops.padding import pad
from rustorch.ops.public import public
from rustorch.ops.reduction import check_float, check_tensors
from rustorch.ops.samples import array, call
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

# -- layer norm --------------------------------------------------------------------------------------


def _last(x: Any, ndim: int) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - ndim, len(x.shape)))


def _leading(x: Any, ndim: int) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - ndim))


def _layer_rule(x: Any, weight: Any, bias: Any, *, ndim: int, eps: float) -> list[tuple[Shape, DType]]:
    lead = len(x.shape) - ndim
    stats = Shape((*x.shape[:lead], *[1] * ndim))
    return [(x.shape, x.dtype), (stats, x.dtype), (stats, x.dtype)]


def _layer_backward_rule(
    g: Any, x: Any, mean: Any, rstd: Any, weight: Any, *, ndim: int
) -> list[tuple[Shape, DType]]:
    parameter = Shape(x.shape[len(x.shape) - ndim :])
    return [(x.shape, x.dtype), (parameter, x.dtype), (parameter, x.dtype)]


def _layer_backward(g: Any, x: Any, mean: Any, rstd: Any, weight: Any, *, ndim: int) -> Any:
    dx, dw, db = standardize.backward(g, x, mean, rstd, weight, dims=_last(x, ndim), shared=_leading(x, ndim))
    shape = x.shape[len(x.shape) - ndim :]
    return dx, reshape(dw, shape), reshape(db, shape)


layer_norm_op = Op(
    "layer_norm",
    _layer_rule,
    decomposition=lambda x, weight, bias, *, ndim, eps: standardize.forward(
        x, weight, bias, dims=_last(x, ndim), eps=eps
    ),
    partner="layer_norm_backward",
    unused_results=(0,),
    doc="Normalise over the last dims; returns y, mean and 1/sqrt(variance + eps).",
)
layer_norm_backward = Op(
    "layer_norm_backward",
    _layer_backward_rule,
    decomposition=_layer_backward,
    doc="Gradients of x, weight, bias.",
)


def _layer_vjp(
    g: Any, out: Any, x: Any, weight: Any, _bias: Any, *, needs: Any, ndim: int, eps: float
) -> list[Any]:
    g_y, g_mean, g_rstd = g
    _, mean, rstd = out
    grads: list[Any] = [None, None, None]
    if g_y is not None:
        grads = list(layer_norm_backward(g_y.contiguous(), x, mean, rstd, weight, ndim=ndim))
    if g_mean is not None or g_rstd is not None:
        more = standardize.statistics_backward(g_mean, g_rstd, x, mean, rstd, dims=_last(x, ndim))
        grads[0] = more if grads[0] is None else grads[0] + more
    return [grad if need else None for grad, need in zip(grads, needs, strict=True)]


layer_norm_op.joint_vjp(_layer_vjp)


def _layer_second(
    h: Any, _out: Any, g: Any, x: Any, mean: Any, rstd: Any, weight: Any, *, needs: Any, ndim: int
) -> list[Any]:
    grads = standardize.second(
        h, (g, x, mean, rstd, weight), needs=needs, dims=_last(x, ndim), shared=_leading(x, ndim)
    )
    if grads[4] is not None:
        grads[4] = reshape(grads[4], weight.shape)
    return grads


layer_norm_backward.joint_vjp(_layer_second)


def normalized_shape_of(name: str, normalized_shape: Any) -> tuple[int, ...]:
    """Return the sizes of a `normalized_shape` given as an integer or a sequence."""
    sizes: tuple[int, ...]
    try:
        sizes = (operator.index(normalized_shape),)
    except TypeError:
        try:
            sizes = tuple(operator.index(s) for s in normalized_shape)
        except TypeError:
            raise ArgumentTypeError(
                f"{name}: normalized_shape must be an integer or several, got {normalized_shape!r}"
            ) from None
    if not sizes:
        raise ArgumentError(f"{name}: normalized_shape must have at least one size")
    return sizes


def _check_layer(name: str, x: Any, sizes: tuple[int, ...], **parameters: Any) -> None:
    check_tensors(name, input=x, **{k: v for k, v in parameters.items() if v is not None})
    check_float(name, x)
    if tuple(x.shape[len(x.shape) - len(sizes) :]) != sizes or len(x.shape) < len(sizes):
        raise ShapeError(f"{name}: the input's last sizes must be {sizes}, got shape {tuple(x.shape)}")
    for role, parameter in parameters.items():
        if parameter is not None:
            check_parameter(name, role, parameter, sizes, x.dtype)


def check_parameter(name: str, role: str, parameter: Any, sizes: tuple[int, ...], dtype: DType) -> None:
    """Raise unless a weight or bias has these sizes and the input's dtype."""
    if tuple(parameter.shape) != sizes:
        raise ShapeError(f"{name}: the {role} must have shape {sizes}, got {tuple(parameter.shape)}")
    if parameter.dtype is not dtype:
        raise DTypeError(
            f"{name}: the {role} must be {dtype.name} as the input is, got {parameter.dtype.name}",
            hint="convert the input with .to(), or the module with module.to()",
        )


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), (4,), array(4), array(4)),
        call(array(2, 3, 4), (3, 4), array(3, 4), array(3, 4), 1e-3),
        call(array(2, 3, 4), (4,)),
        call(array(3, 4), (4,), array(4)),
        call(array(3, 4), (4,), None, array(4)),
        call(array(0, 4), (4,), array(4), array(4)),
        call(array(5), (5,), array(5), array(5)),
    ],
)
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) * weight + bias over the last dims (Ba et al., 2016).

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the last sizes, over which mean and (biased) variance are taken.
        weight: of that shape, or None.
        bias: of that shape, or None.
        eps: is added to the variance.

    Raises:
        ShapeError, DTypeError: if the operands do not fit.
    """
    sizes = normalized_shape_of("layer_norm", normalized_shape)
    _check_layer("layer_norm", input, sizes, weight=weight, bias=bias)
    return layer_norm_op(input, weight, bias, ndim=len(sizes), eps=eps)[0]


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), (4,), array(4)),
        call(array(2, 3, 4), (3, 4), eps=1e-3),
        call(array(0, 4), (4,), array(4)),
    ],
)
def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Return x / sqrt(mean(x^2) + eps) * weight over the last dims (Zhang and Sennrich, 2019).

    Args:
        input: (..., *normalized_shape).
        normalized_shape: the last sizes, over which the mean is taken.
        weight: of that shape, or None.
        eps: is added to the mean; the dtype's machine epsilon if None.
    """
    sizes = normalized_shape_of("rms_norm", normalized_shape)
    _check_layer("rms_norm", input, sizes, weight=weight)
    x: Any = input
    if eps is None:
        eps = float(np.finfo(x.dtype.numpy).eps) if x.dtype.name != "bfloat16" else 2.0**-7
    result = x * (x.square().mean(_last(x, len(sizes)), keepdim=True) + eps).rsqrt()
    return result if weight is None else result * weight


# -- groups of channels ------------------------------------------------------------------------------


def per_channel(parameter: Any, ndim: int) -> Any:
    """Return (C,) in a shape that broadcasts with (N, C, ...)."""
    return reshape(parameter, (parameter.shape[0],) + (1,) * (ndim - 2))


def _affine_vjp(g: Any, _out: Any, x: Any, scale: Any, _shift: Any, *, needs: Any) -> list[Any]:
    others = (0, *range(2, len(x.shape)))
    return [
        g * per_channel(scale, len(x.shape)) if needs[0] else None,
        (g * x).sum(others) if needs[1] else None,
        g.sum(others) if needs[2] else None,
    ]


channel_affine_op = Op(
    "channel_affine",
    lambda x, _scale, _shift: (x.shape, x.dtype),
    decomposition=lambda x, scale, shift: (
        x * per_channel(scale, len(x.shape)) + per_channel(shift, len(x.shape))
    ),
    doc="Scale and shift each channel of x (N, C, ...).",
)
channel_affine_op.joint_vjp(_affine_vjp)


def channel_affine(x: Any, weight: Any, bias: Any) -> Any:
    """Return x * weight + bias per channel, where either may be None."""
    if weight is not None and bias is not None:
        return channel_affine_op(x, weight, bias)
    if weight is not None:
        return x * per_channel(weight, len(x.shape))
    return x if bias is None else x + per_channel(bias, len(x.shape))


@public(
    method=False,
    samples=lambda: [
        call(array(2, 4, 3), 2, array(4), array(4)),
        call(array(2, 6), 3),
        call(array(2, 4, 2, 3), 4, array(4), array(4), 1e-3),
        call(array(2, 4, 3), 1, array(4)),
    ],
)
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return layer normalisation within groups of channels (Wu and He, 2018).

    Args:
        input: (N, C, ...).
        num_groups: divides C.
        weight: (C,) or None.
        bias: (C,) or None.
        eps: is added to the variance.
    """
    name = "group_norm"
    check_tensors(name, input=input)
    check_float(name, input)
    sizes = input.shape
    if len(sizes) < 2:
        raise ShapeError(f"{name}: an input (N, C, ...) is required, got shape {tuple(sizes)}")
    if num_groups <= 0 or sizes[1] % num_groups:
        raise ArgumentError(f"{name}: num_groups must divide the {sizes[1]} channels, got {num_groups}")
    if sizes.elements == num_groups:
        raise ShapeError(f"{name}: more than one value per channel is required, got shape {tuple(sizes)}")
    for role, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None:
            check_tensors(name, **{role: parameter})
            check_parameter(name, role, parameter, (sizes[1],), input.dtype)
    rows = reshape(input, (sizes[0] * num_groups, Shape(sizes[1:]).elements // num_groups))
    y = reshape(layer_norm_op(rows, None, None, ndim=1, eps=eps)[0], sizes)
    return channel_affine(y, weight, bias)


# -- vectors -----------------------------------------------------------------------------------------


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4)),
        call(array(3, 4), p=1, dim=0),
        call(array(2, 3, 4), 3.0, -1, 1e-5),
        call(array(3, 4), dim=(0, 1)),
    ],
)
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Return x / max(|x|_p, eps) along `dim`."""
    check_tensors("normalize", input=input)
    return input / input.norm(p, dim, True).clamp(min=eps)


@public(method=False, samples=lambda: [call(array(2, 5, 3), 3), call(array(2, 4, 2, 2), 2, 0.1, 0.5, 2.0)])
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Return x / (k + alpha * mean(x^2 of `size` neighbouring channels))^beta (Krizhevsky et al., 2012).

    Args:
        input: (N, C, ...), of at least 3 dims.
        size: how many channels count; those that do not exist count as 0.
        alpha: factor of the mean.
        beta: exponent.
        k: is added.
    """
    check_tensors("local_response_norm", input=input)
    if len(input.shape) < 3:
        raise ShapeError(f"local_response_norm: at least 3 dims are required, got shape {tuple(input.shape)}")
    squares = pad(movedim(input.square(), 1, -1), (size // 2, (size - 1) // 2))
    means: Any = movedim(sliding_windows(squares, -1, size, 1).mean(-1), -1, 1)
    return input / (means * alpha + k).pow(beta)
