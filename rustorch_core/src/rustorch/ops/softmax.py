"""Softmax and its logarithm along a dim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase
from rustorch.dtypes import FLOAT, DType, dtype_of
from rustorch.errors import ArgumentTypeError, DTypeError
from rustorch.ops.movement import reshape
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape, normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _rule(x: Any, *, dim: int) -> tuple[Shape, DType]:
    return x.shape, x.dtype


def _backward_rule(g: Any, y: Any, *, dim: int) -> tuple[Shape, DType]:
    return y.shape, y.dtype


def _softmax(x: Any, *, dim: int) -> Any:
    if not x.shape.elements:
        return x
    grown = (x - x.amax(dim, keepdim=True)).exp()
    return grown / grown.sum(dim, keepdim=True)


def _log_softmax(x: Any, *, dim: int) -> Any:
    if not x.shape.elements:
        return x
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


softmax_op = Op(
    "softmax", _rule, decomposition=_softmax, partner="softmax_backward", doc="Softmax along a dim."
)
softmax_backward = Op(
    "softmax_backward",
    _backward_rule,
    decomposition=lambda g, y, *, dim: (g - (g * y).sum(dim, keepdim=True)) * y,
    doc="Derivative of softmax, from its result.",
)
softmax_op.vjp(lambda g, out, _x, *, dim: softmax_backward(g, out, dim=dim))
softmax_backward.vjp(
    lambda h, _out, _g, y, *, dim: softmax_backward(h, y, dim=dim),
    lambda h, _out, g, y, *, dim: (
        h * (g - (g * y).sum(dim, keepdim=True)) - g * (h * y).sum(dim, keepdim=True)
    ),
)

log_softmax_op = Op(
    "log_softmax",
    _rule,
    decomposition=_log_softmax,
    partner="log_softmax_backward",
    doc="Logarithm of softmax along a dim.",
)
log_softmax_backward = Op(
    "log_softmax_backward",
    _backward_rule,
    decomposition=lambda g, y, *, dim: g - y.exp() * g.sum(dim, keepdim=True),
    doc="Derivative of log_softmax, from its result.",
)
log_softmax_op.vjp(lambda g, out, _x, *, dim: log_softmax_backward(g, out, dim=dim))
log_softmax_backward.vjp(
    lambda h, _out, _g, y, *, dim: h - (h * y.exp()).sum(dim, keepdim=True),
    lambda h, _out, g, y, *, dim: -h * y.exp() * g.sum(dim, keepdim=True),
)


def _along(name: str, op: Op, input: Any, dim: int, dtype: Any) -> Any:
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: a tensor is required, got {type(input).__name__}")
    x: Any = input if dtype is None else input.to(dtype_of(dtype))
    if x.dtype.category != FLOAT:
        raise DTypeError(
            f"{name}: a floating-point dtype is required, got {x.dtype.name}",
            hint="pass dtype=rustorch.float32",
        )
    axis = normalize_dim(name, dim, len(x.shape))
    if not x.shape:
        return reshape(op(reshape(x, (1,)), dim=0), ())
    return op(x, dim=axis)


_SAMPLES = lambda: [  # noqa: E731 - shared by the functions of this file
    call(array(3, 5), 1),
    call(array(3, 5), 0),
    call(array(2, 3, 4), -2),
    call(array(), 0),
    call(array(3, 0), 1),
    call(array(0, 3), 1),
    call(array(4, 6, strided=True, low=-30.0, high=30.0), 1),
]


@public(samples=_SAMPLES)
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) along `dim`, without overflow.

    Args:
        input: a floating-point tensor.
        dim: the dim along which the results sum to 1.
        dtype: convert to it first.

    Raises:
        DTypeError: if the dtype is no floating-point one.
    """
    return _along("softmax", softmax_op, input, dim, dtype)


@public(samples=_SAMPLES)
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return log(softmax(x)) along `dim`, without loss of digits; see :func:`softmax`."""
    return _along("log_softmax", log_softmax_op, input, dim, dtype)


@public(method=False, samples=_SAMPLES)
def softmin(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return softmax(-x) along `dim`; see :func:`softmax`."""
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"softmin: a tensor is required, got {type(input).__name__}")
    return _along("softmin", softmax_op, -input, dim, dtype)


@public(
    method=False,
    tags=("random",),
    samples=lambda: [call(array(3, 5)), call(array(3, 5), 0.5, hard=True, dim=0)],
)
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, dim: int = -1, *, generator: Any = None
) -> Tensor:
    """Return a sample of the Gumbel-softmax distribution (Jang et al., 2017).

    Args:
        logits: unnormalised log probabilities.
        tau: temperature.
        hard: return one-hot vectors whose derivative is that of the soft sample.
        dim: the dim along which the results sum to 1.
        generator: where random numbers come from; the default one if None.
    """
    noise = -logits.new_empty(logits.shape).exponential_(generator=generator).log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    winner = soft.argmax(dim, keepdim=True)
    one_hot = soft.new_zeros(soft.shape).scatter(dim, winner, 1.0)
    return one_hot - soft.detach() + soft
