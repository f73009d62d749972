"""Comparing whole tensors: equal, close, how far apart, how correlated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.movement import reshape
from rustorch.ops.public import public
from rustorch.ops.reduce import root, sum_squares_op
from rustorch.ops.samples import array, call, index

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _pair(name: str, input: Any, other: Any) -> tuple[Any, Any]:
    for x in (input, other):
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: expected tensors, got {type(x).__name__}")
    return input.detach(), other.detach()


@public(
    differentiable=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4), 0.5, 0.1),
        call(array(3, 1), array(4)),
        call(array(0), array(0)),
    ],
)
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Return where ``|input - other| <= atol + rtol * |other|``, or both are the same infinity.

    Args:
        input: a tensor.
        other: a tensor of the same dtype; the two broadcast.
        rtol: relative tolerance, not negative.
        atol: absolute tolerance, not negative.
        equal_nan: whether NaN is close to NaN.
    """
    a, b = _pair("isclose", input, other)
    if a.dtype is not b.dtype:
        raise DTypeError(f"isclose: both tensors must have one dtype, got {a.dtype.name} and {b.dtype.name}")
    if not (rtol >= 0 and atol >= 0):
        raise ArgumentError(f"isclose: tolerances must not be negative, got rtol {rtol} and atol {atol}")
    close = a == b
    if a.dtype is dtypes.bool_:
        return close
    gap, allowed = (a - b).abs(), b.abs() * rtol + atol
    close = close | ((gap <= allowed) & (gap < math.inf))
    return close | (a.isnan() & b.isnan()) if equal_nan else close


@public(
    differentiable=False, samples=lambda: [call(array(3, 4), array(3, 4), 0.5, 5.0), call(array(3), array(3))]
)
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Return whether all elements are close, as a Python bool; see :func:`isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@public(
    differentiable=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4)),
        call(array(0), array(0)),
        call(index(3, below=1), index(3, below=1)),
    ],
)
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements, as a Python bool."""
    a, b = _pair("equal", input, other)
    return a.shape == b.shape and bool((a == b).all())


_FEW_ROWS = 25  # up to here distances come from differences, as in PyTorch
_COMPUTE_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def _from_products(a: Any, b: Any) -> Any:
    """Return Euclidean distances by |a|^2 + |b|^2 - 2 a b, from the middle of b so that an offset costs no digits."""
    centre = b.detach().mean(-2, keepdim=True)
    a, b = a - centre, b - centre
    squares = sum_squares_op(a, dim=(len(a.shape) - 1,)) + sum_squares_op(
        b, dim=(len(b.shape) - 1,)
    ).transpose(-1, -2)
    return root((squares - 2 * (a @ b.transpose(-1, -2))).clamp(min=0))


@public(
    samples=lambda: [
        call(array(3, 4), array(5, 4)),
        call(array(2, 3, 4), array(2, 2, 4), 1.0),
        call(array(3, 2), array(2, 2), 3.0),
        call(array(3, 4), array(2, 5, 4), compute_mode="use_mm_for_euclid_dist"),
    ]
)
def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """Return the p-norm distance of rows: x1 (..., n, d) to x2 (..., m, d) gives (..., n, m).

    With p = 2 and more than 25 rows they come from a matrix product, which is fast and loses digits where
    two rows nearly agree; `compute_mode` "donot_use_mm_for_euclid_dist" takes differences, and
    "use_mm_for_euclid_dist" products, whatever the size.
    """
    if len(x1.shape) < 2 or len(x2.shape) < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist: rows of one size are required, got {tuple(x1.shape)} and {tuple(x2.shape)}")
    if compute_mode not in _COMPUTE_MODES:
        raise ArgumentError(
            f"cdist: compute_mode must be one of {', '.join(_COMPUTE_MODES)}, got {compute_mode!r}"
        )
    many = compute_mode == _COMPUTE_MODES[1] or max(x1.shape[-2], x2.shape[-2]) > _FEW_ROWS
    precise = all(x.dtype.category == dtypes.FLOAT and x.dtype.itemsize > 2 for x in (x1, x2))
    if p == 2 and many and precise and compute_mode != _COMPUTE_MODES[2]:
        return _from_products(x1, x2)
    return (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(p, -1)


@public(
    samples=lambda: [
        call(array(3, 6)),
        call(array(5), correction=0),
        call(array(2, 4), aweights=array(4, low=0.5, high=1.0, grad=False)),
    ]
)
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Return the covariance matrix of the rows, whose columns are observations.

    Args:
        input: (variables, observations), or (observations,) for the variance of one variable.
        correction: 1 for the sample's covariance, 0 for the population's.
        fweights: how often each observation counts, integers.
        aweights: the importance of each observation.
    """
    if len(input.shape) > 2:
        raise ShapeError(f"cov: at most 2 dims are required, got shape {tuple(input.shape)}")
    x: Any = input if input.dtype.category >= dtypes.FLOAT else input.to(dtypes.get_default_dtype())
    x = x if len(x.shape) == 2 else reshape(x, (1, -1))
    weights: Any = None
    for given in (fweights, aweights):
        if given is not None:
            weights = given.to(x.dtype) if weights is None else weights * given
    if weights is None:
        centred = x - x.mean(1, keepdim=True)
        count: Any = max(x.shape[1] - correction, 0)
        product = centred @ centred.transpose(0, 1)
        result = product / count if count else product / 0.0
    else:
        total = weights.sum()
        centred = x - (x * weights).sum(1, keepdim=True) / total
        loss = correction if aweights is None else correction * (weights * aweights).sum() / total
        result = (centred * weights) @ centred.transpose(0, 1) / (total - loss).maximum(0)
    return result if len(input.shape) == 2 else reshape(result, ())


@public(samples=lambda: [call(array(3, 6))])
def corrcoef(input: Tensor) -> Tensor:
    """Return the correlation matrix of the rows, whose columns are observations; in [-1, 1]."""
    matrix: Any = cov(input)
    if not matrix.shape:
        return matrix / matrix
    spread = matrix.diagonal().sqrt()
    return (matrix / spread.unsqueeze(1) / spread).clamp(-1, 1)
