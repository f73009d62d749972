"""Running sums and products along a dim."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.dtypes import FLOAT, DType, dtype_of
from rustorch.errors import ArgumentTypeError
from rustorch.ops.joining import cat
from rustorch.ops.movement import flip, reshape
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import Sample, array, call
from rustorch.ops.select import where
from rustorch.shape import Shape, normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _same(x: Any, *, dim: int) -> tuple[Shape, DType]:
    return x.shape, x.dtype


def _by_doubling(x: Any, dim: int, join: Callable[[Any, Any], Any]) -> Any:
    """Combine every element with all before it, in log2(n) steps: after step k it covers 2^k elements."""
    size, reach = x.shape[dim], 1
    while reach < size:
        joined = join(x.narrow(dim, 0, size - reach), x.narrow(dim, reach, size - reach))
        x = cat([x.narrow(dim, 0, reach), joined], dim)
        reach *= 2
    return x


def _cumsum(x: Any, *, dim: int) -> Any:
    wide = x.to(dtypes.float32) if x.dtype.is_floating_point and x.dtype.itemsize == 2 else x
    return _by_doubling(wide, dim, lambda before, here: before + here).to(x.dtype)


cumsum_op = Op(
    "cumsum", _same, decomposition=_cumsum, doc="Sum of each element and all before it along a dim."
)
cumsum_op.vjp(lambda g, _out, _x, *, dim: flip(cumsum_op(flip(g, dim), dim=dim), dim))


def _prepared(name: str, input: Any, dim: Any, dtype: Any) -> tuple[Any, int]:
    """Return the operand with at least one dim, integers widened to int64, and the dim."""
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(input).__name__}")
    axis = normalize_dim(name, dim, len(input.shape))
    x: Any = input
    if dtype is not None:
        x = x.to(dtype_of(dtype))
    elif x.dtype.category < FLOAT:
        x = x.to(dtypes.int64)
    return x if x.shape else reshape(x, (1,)), axis


def _samples() -> list[Sample]:
    return [
        call(array(3, 4), 1),
        call(array(3, 4), 0),
        call(array(2, 3, 5), -2),
        call(array(), 0),
        call(array(0, 3), 0),
        call(array(4, 6, strided=True), 1),
    ]


@public(samples=_samples)
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return ``y_i = x_0 + ... + x_i`` along `dim`; integers add up in int64.

    >>> import rustorch
    >>> rustorch.cumsum(rustorch.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    x, axis = _prepared("cumsum", input, dim, dtype)
    return reshape(cumsum_op(x, dim=axis), input.shape)


@public(samples=_samples)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return ``y_i = x_0 * ... * x_i`` along `dim`; integers multiply in int64."""
    x, axis = _prepared("cumprod", input, dim, dtype)
    # every step is a product of earlier products, so the derivative is right also where some are 0
    return reshape(_by_doubling(x, axis, lambda before, here: before * here), input.shape)


def _log_add(a: Any, b: Any) -> Any:
    """Return log(exp(a) + exp(b)) without overflow; two equal infinities stay what they are."""
    gap = where(a == b, 0.0, -(a - b).abs())
    return a.maximum(b) + gap.exp().log1p()


@public(samples=_samples)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return ``y_i = log(exp(x_0) + ... + exp(x_i))`` along `dim`, without overflow."""
    x, axis = _prepared("logcumsumexp", input, dim, None)
    x = x if x.dtype.category >= FLOAT else x.to(dtypes.get_default_dtype())
    return reshape(_by_doubling(x, axis, _log_add), input.shape)
