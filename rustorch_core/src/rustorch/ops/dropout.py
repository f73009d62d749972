"""Dropping elements or whole channels at random, to regularise a network.

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
JMLR 15 (2014); alpha dropout: Klambauer et al., "Self-normalizing neural networks", NIPS 2017.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops import philox
from rustorch.ops.public import public
from rustorch.ops.random import check_generator
from rustorch.ops.samples import array, call
from rustorch.rng import Generator
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

# what SELU tends to for large negative inputs: -alpha * scale
_SELU_LIMIT = 1.0507009873554805 * 1.6732632423543772
_RANDOM: dict[str, Any] = {"method": False, "tags": ("random",)}


def _check(name: str, input: Any, p: Any, generator: Any) -> None:
    if not isinstance(input, TensorBase):
        raise ArgumentTypeError(f"{name}: expected a tensor, got {type(input).__name__}")
    if isinstance(p, bool) or not isinstance(p, (int, float)):
        raise ArgumentTypeError(f"{name}: p must be a number, got {type(p).__name__}")
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"{name}: p must be between 0 and 1, got {p}")
    if not input.dtype.is_floating_point:
        raise DTypeError(f"{name}: a floating-point tensor is required, got {input.dtype.name}")
    check_generator(name, generator)


def _kept(input: Any, shape: Shape, p: float, generator: Generator | None) -> Any:
    """Return 1 where an element stays (with probability 1 - p) and 0 elsewhere, in the input's dtype.

    The draw is float32 for every dtype, so that a mask does not change with the precision.
    """
    uniform = philox.drawn(philox.random_uniform, shape, dtypes.float32, input.device, generator)
    return (uniform >= p).to(input.dtype)


def _dropped(
    name: str, input: Any, p: float, training: bool, inplace: bool, generator: Any, channels: Any = None
) -> Any:
    """Multiply by a scaled mask over the elements, or over the dims that `channels(input)` names."""
    _check(name, input, p, generator)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    mask = _kept(input, input.shape if channels is None else channels(input), p, generator) * (1 / (1 - p))
    return input.mul_(mask) if inplace else input * mask


@public(
    **_RANDOM,
    samples=lambda: [
        call(array(3, 4)),
        call(array(5, 7), 0.2),
        call(array(4), 0.0),
        call(array(4), 1.0),
        call(array(0, 2)),
    ],
)
def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Set each element to 0 with probability `p` and scale the others by 1 / (1 - p).

    Args:
        input: a floating-point tensor.
        p: between 0 and 1.
        training: False returns the input as it is.
        inplace: change the input itself.
        generator: the stream to take from; the default one if None.

    Raises:
        ArgumentError: if `p` is not between 0 and 1.

    >>> import rustorch
    >>> kept = rustorch.dropout(rustorch.ones(1000), 0.25)
    >>> sorted(set(kept.tolist()))
    [0.0, 1.3333333730697632]
    """
    return _dropped("dropout", input, p, training, inplace, generator)


def _per_channel(name: str, dims: int) -> Any:
    """Return what gives the mask's shape: one value per sample and channel, `dims` dims each."""

    def shape(input: Any) -> Shape:
        ndim = len(input.shape)
        if ndim not in (dims + 1, dims + 2):
            raise ShapeError(
                f"{name}: {dims + 2} dims are required ({dims + 1} without a batch), "
                f"got shape {tuple(input.shape)}"
            )
        return Shape((*input.shape[: ndim - dims], *[1] * dims))

    return shape


@public(**_RANDOM, samples=lambda: [call(array(2, 3, 4)), call(array(3, 4), 0.2)])
def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Drop whole channels of (N, C, L) or (C, L), as :func:`dropout` drops elements."""
    return _dropped("dropout1d", input, p, training, inplace, generator, _per_channel("dropout1d", 1))


@public(**_RANDOM, samples=lambda: [call(array(2, 3, 4, 2)), call(array(2, 3, 2, 2), 0.2)])
def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Drop whole channels of (N, C, H, W), as :func:`dropout` drops elements.

    Three dims are taken as (N, C, L), as in PyTorch.
    """
    ndim = len(getattr(input, "shape", ()))
    if ndim not in (3, 4):
        raise ShapeError(f"dropout2d: 4 dims are required (N, C, H, W), got shape {tuple(input.shape)}")
    dims = ndim - 2
    return _dropped("dropout2d", input, p, training, inplace, generator, _per_channel("dropout2d", dims))


@public(**_RANDOM, samples=lambda: [call(array(2, 3, 2, 2, 2))])
def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Drop whole channels of (N, C, D, H, W) or (C, D, H, W), as :func:`dropout` drops elements."""
    return _dropped("dropout3d", input, p, training, inplace, generator, _per_channel("dropout3d", 3))


def _alpha_dropped(
    name: str, input: Any, p: float, training: bool, inplace: bool, generator: Any, by_channel: bool
) -> Any:
    _check(name, input, p, generator)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    shape = input.shape
    if by_channel:
        if len(shape) < 2:
            raise ShapeError(f"{name}: at least 2 dims are required (N, C, ...), got shape {tuple(shape)}")
        shape = Shape((*shape[:2], *[1] * (len(shape) - 2)))
    scale = 1 / math.sqrt((_SELU_LIMIT**2 * p + 1) * (1 - p))
    kept = _kept(input, shape, p, generator)
    shift = (kept - 1) * (_SELU_LIMIT * scale) + _SELU_LIMIT * scale * p
    if inplace:
        return input.mul_(kept * scale).add_(shift)
    return input * (kept * scale) + shift


@public(**_RANDOM, samples=lambda: [call(array(3, 4)), call(array(5, 7), 0.2)])
def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Set elements to SELU's negative limit with probability `p`, keeping mean 0 and variance 1.

    As in PyTorch, it does nothing unless ``training=True``.
    """
    return _alpha_dropped("alpha_dropout", input, p, training, inplace, generator, by_channel=False)


@public(**_RANDOM, samples=lambda: [call(array(2, 3, 4), 0.2, True)])
def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Apply :func:`alpha_dropout` to whole channels (the second dim)."""
    return _alpha_dropped("feature_alpha_dropout", input, p, training, inplace, generator, by_channel=True)
