"""Starting values for parameters.  All functions change the tensor in place, unrecorded, and return it."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from rustorch.autograd import no_grad
from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.nn.parameter import UninitializedTensor

Mode = Literal["fan_in", "fan_out"]

#: Nonlinearity -> the factor that keeps the variance of the signal, for those without a parameter.
_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,  # the value found by experiment; see PyTorch issue 50664
}


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """Return the factor by which weights before a nonlinearity are scaled.

    Args:
        nonlinearity: "linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", or e.g. "conv2d".
        param: the negative slope of "leaky_relu"; 0.01 if None.

    Raises:
        ArgumentError: for another nonlinearity, or a slope that is no number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ArgumentError(f"calculate_gain: the negative slope must be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ArgumentError(f"calculate_gain: the nonlinearity must be one of {known}, got {nonlinearity!r}")
    return _GAINS[nonlinearity]


def _initializer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check the tensor and switch recording off."""

    @functools.wraps(function)
    def initialize(tensor: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(tensor, TensorBase):
            raise ArgumentTypeError(f"{function.__name__}: a tensor is required, got {type(tensor).__name__}")
        if isinstance(tensor, UninitializedTensor):
            return tensor  # its lazy module initialises it when the shape is known
        with no_grad():
            function(tensor, *args, **kwargs)
        return tensor

    return initialize


@_initializer
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Fill with numbers uniform in [a, b)."""
    tensor.uniform_(a, b, generator=generator)


@_initializer
def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Fill with normal numbers."""
    tensor.normal_(mean, std, generator=generator)


@_initializer
def trunc_normal_(
    tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Any:
    """Fill with normal numbers, drawn again while they are outside of [a, b].

    The inverse of the distribution function is applied to uniform numbers.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"trunc_normal_: mean {mean} is more than 2 std from [{a}, {b}]; the distribution may be inexact",
            stacklevel=3,
        )
    low, high = (math.erf((limit - mean) / std / math.sqrt(2)) for limit in (a, b))
    # computed in float64 on the host: erfinv needs the digits near the limits, and this runs once
    uniform = tensor.new_empty(tensor.shape, dtype="float64").uniform_(low, high, generator=generator)
    values = mean + std * math.sqrt(2) * _erfinv(uniform.to_numpy())
    tensor.copy_(tensor.new_tensor(np.clip(values, a, b), dtype="float64"))


def _erfinv(y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the inverse of the error function: Giles' start (2012) and two Newton steps."""
    w = -np.log(np.maximum((1 - y) * (1 + y), np.finfo(np.float64).tiny))
    ln = -w
    t = 2 / (math.pi * 0.147) + ln / 2
    x = np.sign(y) * np.sqrt(np.maximum(np.sqrt(t * t - ln / 0.147) - t, 0))  # Winitzki's formula, 2e-3
    erf = np.vectorize(math.erf, otypes=[np.float64])
    for _ in range(3):
        x = x - (erf(x) - y) * (math.sqrt(math.pi) / 2) * np.exp(np.minimum(x * x, 700.0))
    return np.asarray(x)


@_initializer
def constant_(tensor: Any, val: float) -> Any:
    """Fill with one number."""
    tensor.fill_(val)


@_initializer
def ones_(tensor: Any) -> Any:
    """Fill with ones."""
    tensor.fill_(1)


@_initializer
def zeros_(tensor: Any) -> Any:
    """Fill with zeros."""
    tensor.fill_(0)


@_initializer
def eye_(tensor: Any) -> Any:
    """Fill a matrix with the identity."""
    if len(tensor.shape) != 2:
        raise ShapeError(f"eye_: a tensor of 2 dims is required, got shape {tuple(tensor.shape)}")
    tensor.fill_(0)
    tensor.diagonal().fill_(1)


@_initializer
def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill a convolution's weight so that it passes its input on (as many channels as there are).

    Args:
        tensor: of 3, 4 or 5 dims (out, in, *kernel).
        groups: the weight is of a grouped convolution.
    """
    sizes = tuple(tensor.shape)
    if len(sizes) not in (3, 4, 5):
        raise ShapeError(f"dirac_: a tensor of 3, 4 or 5 dims is required, got shape {sizes}")
    if groups <= 0 or sizes[0] % groups:
        raise ArgumentError(f"dirac_: {sizes[0]} output channels cannot be divided into {groups} groups")
    per_group = sizes[0] // groups
    values = np.zeros(sizes)
    centre = tuple(s // 2 for s in sizes[2:])
    for group in range(groups):
        for channel in range(min(per_group, sizes[1])):
            place = (group * per_group + channel, channel, *centre)
            values[place] = 1
    tensor.copy_(tensor.new_tensor(values))


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    """Return how many inputs one output has, and how many outputs one input."""
    sizes = tuple(tensor.shape)
    if len(sizes) < 2:
        raise ShapeError(f"fan in and fan out: a tensor of at least 2 dims is required, got shape {sizes}")
    field = math.prod(sizes[2:])
    return sizes[1] * field, sizes[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


@_initializer
def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill with numbers uniform in ±gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    tensor.uniform_(-bound, bound, generator=generator)


@_initializer
def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill with normal numbers of std gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    tensor.normal_(0.0, std, generator=generator)


def _kaiming_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("kaiming: a tensor without elements has nothing to initialise", stacklevel=4)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@_initializer
def kaiming_uniform_(
    tensor: Any, a: float = 0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Fill with numbers uniform in ±gain sqrt(3 / fan) (He et al., 2015).

    Args:
        tensor: of at least 2 dims (out, in, ...).
        a: the negative slope, for "leaky_relu".
        mode: "fan_in" keeps the variance in forward, "fan_out" in backward.
        nonlinearity: see :func:`calculate_gain`.
        generator: where random numbers come from; the default one if None.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is not None:
        bound = math.sqrt(3.0) * std
        tensor.uniform_(-bound, bound, generator=generator)


@_initializer
def kaiming_normal_(
    tensor: Any, a: float = 0, mode: Mode = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Fill with normal numbers of std gain / sqrt(fan) (He et al., 2015); see :func:`kaiming_uniform_`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is not None:
        tensor.normal_(0.0, std, generator=generator)


@_initializer
def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """Fill with a (semi-)orthogonal matrix (Saxe et al., 2013); dims after the first count as columns."""
    sizes = tuple(tensor.shape)
    if len(sizes) < 2:
        raise ShapeError(f"orthogonal_: a tensor of at least 2 dims is required, got shape {sizes}")
    if 0 in sizes:
        return
    rows = sizes[0]
    columns = math.prod(sizes[1:])
    drawn = tensor.new_empty((rows, columns), dtype="float64").normal_(0, 1, generator=generator).to_numpy()
    q, r = np.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * np.sign(np.diagonal(r))  # makes the distribution uniform
    q = q.T if rows < columns else q
    tensor.copy_(tensor.new_tensor(np.ascontiguousarray(q * gain).reshape(sizes), dtype="float64"))


@_initializer
def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Fill a matrix with normal numbers, and a share `sparsity` of each column with zeros (Martens, 2010)."""
    if len(tensor.shape) != 2:
        raise ShapeError(f"sparse_: a tensor of 2 dims is required, got shape {tuple(tensor.shape)}")
    rows, _columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    keys = tensor.new_empty(tensor.shape, dtype="float64").uniform_(0, 1, generator=generator).to_numpy()
    ranks = keys.argsort(axis=0).argsort(axis=0)
    tensor.masked_fill_(tensor.new_tensor(ranks < zeros, dtype="bool"), 0)
