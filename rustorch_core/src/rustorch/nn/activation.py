"""Activation layers: functions of :mod:`rustorch.nn.functional` with their settings."""

from __future__ import annotations

import warnings
from typing import Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.nn import init
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter
from rustorch.ops import activation as smooth
from rustorch.ops import rectifiers
from rustorch.ops.creation import empty
from rustorch.ops.softmax import log_softmax, softmax, softmin
from rustorch.ops.unary import tanh


class _Activation(Module):
    """Shows the settings named in `shown`, and `inplace` where it is True.  Abstract."""

    shown: tuple[str, ...] = ()
    inplace = False

    def extra_repr(self) -> str:
        """Return the settings."""
        parts = [f"{name}={getattr(self, name)!r}" for name in self.shown]
        return ", ".join([*parts, "inplace=True"] if self.inplace else parts)


class ReLU(_Activation):
    """``max(x, 0)``.

    >>> import rustorch
    >>> rustorch.nn.ReLU()(rustorch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.relu(input, self.inplace)


class ReLU6(_Activation):
    """``min(max(x, 0), 6)``."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.relu6(input, self.inplace)


class LeakyReLU(_Activation):
    """``x`` where it is positive, else ``negative_slope * x``."""

    shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        """Make the layer."""
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.leaky_relu(input, self.negative_slope, inplace=self.inplace)


class PReLU(_Activation):
    """``x`` where it is positive, else ``weight * x`` with a learned weight, one or one per channel."""

    shown = ("num_parameters",)

    def __init__(
        self, num_parameters: Any = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        """Make the layer with `num_parameters` weights that start at `init`."""
        super().__init__()
        if not isinstance(num_parameters, int) or num_parameters < 1:
            raise ArgumentError(f"PReLU: num_parameters must be a positive integer, got {num_parameters!r}")
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weights to their start."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.prelu(input, self.weight)


class RReLU(_Activation):
    """``x`` where it is positive, else ``slope * x`` with a random slope in training."""

    shown = ("lower", "upper")

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        """Make the layer; slopes are uniform in [lower, upper), and their mean in evaluation."""
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class ELU(_Activation):
    """``x`` where it is positive, else ``alpha (exp(x) - 1)``."""

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        """Make the layer."""
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.elu(input, self.alpha, inplace=self.inplace)


class CELU(_Activation):
    """``x`` where it is positive, else ``alpha (exp(x / alpha) - 1)``."""

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        """Make the layer."""
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.celu(input, self.alpha, inplace=self.inplace)


class SELU(_Activation):
    """The scaled ELU that keeps mean 0 and variance 1."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.selu(input, self.inplace)


class GELU(_Activation):
    """``x`` times the normal distribution function of ``x``, exact or approximated by tanh."""

    shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        """Make the layer; `approximate` is "none" or "tanh"."""
        super().__init__()
        if approximate not in {"none", "tanh"}:
            raise ArgumentError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.gelu(input, approximate=self.approximate)


class SiLU(_Activation):
    """``x * sigmoid(x)``, also called swish."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.silu(input, self.inplace)


Swish = SiLU


class Mish(_Activation):
    """``x * tanh(softplus(x))``."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.mish(input, self.inplace)


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``."""

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.sigmoid(input)


class LogSigmoid(_Activation):
    """``log(sigmoid(x))``, without overflow."""

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.logsigmoid(input)


class Tanh(_Activation):
    """The hyperbolic tangent."""

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return tanh(input)


class Tanhshrink(_Activation):
    """``x - tanh(x)``."""

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.tanhshrink(input)


class Softplus(_Activation):
    """``log(1 + exp(beta x)) / beta``, and ``x`` itself where ``beta x`` exceeds the threshold."""

    shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        """Make the layer."""
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.softplus(input, self.beta, self.threshold)


class Softsign(_Activation):
    """``x / (1 + |x|)``."""

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.softsign(input)


class Hardtanh(_Activation):
    """``x`` limited to [min_val, max_val]."""

    shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        """Make the layer."""
        super().__init__()
        if max_val <= min_val:
            raise ArgumentError(f"Hardtanh: max_val must exceed min_val, got {max_val} and {min_val}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.hardtanh(input, self.min_val, self.max_val, inplace=self.inplace)


class Hardsigmoid(_Activation):
    """``min(max(x + 3, 0), 6) / 6``."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch does."""
        return ""


class Hardswish(_Activation):
    """``x min(max(x + 3, 0), 6) / 6``."""

    def __init__(self, inplace: bool = False) -> None:
        """Make the layer; `inplace` replaces the input's elements."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch does."""
        return ""


class Hardshrink(_Activation):
    """``x`` where ``|x| > lambd``, else 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        """Make the layer."""
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the limit."""
        return str(self.lambd)


class Softshrink(_Activation):
    """``x`` moved towards 0 by `lambd`, and 0 where ``|x| <= lambd``."""

    def __init__(self, lambd: float = 0.5) -> None:
        """Make the layer."""
        super().__init__()
        if lambd < 0:
            raise ArgumentError(f"Softshrink: lambd must be at least 0, got {lambd}")
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the limit."""
        return str(self.lambd)


class Threshold(_Activation):
    """``x`` where it exceeds the threshold, else `value`."""

    shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        """Make the layer."""
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return rectifiers.threshold(input, self.threshold, self.value, inplace=self.inplace)


class GLU(_Activation):
    """``a * sigmoid(b)``, where a and b are the halves of the input along `dim`."""

    shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        """Make the layer."""
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Return the activation of `input`."""
        return smooth.glu(input, self.dim)


# -- softmax -----------------------------------------------------------------------------------------


def implicit_dim(name: str, dim: int | None, ndim: int) -> int:
    """Return the dim that PyTorch takes where none is given, and warn."""
    if dim is not None:
        return dim
    warnings.warn(f"{name}: give dim; without it the dim depends on the number of dims", stacklevel=4)
    return 0 if ndim in {0, 1, 3} else 1


class _SoftmaxLike(_Activation):
    """A softmax along `dim`.  Abstract."""

    shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        """Make the layer; `dim` is the dim along which the probabilities sum to 1."""
        super().__init__()
        self.dim = dim


class Softmax(_SoftmaxLike):
    """``exp(x) / sum(exp(x))`` along a dim.

    >>> import rustorch
    >>> rustorch.nn.Softmax(dim=0)(rustorch.zeros(4))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Any) -> Any:
        """Return the softmax of `input`."""
        return softmax(input, implicit_dim("Softmax", self.dim, len(input.shape)))


class LogSoftmax(_SoftmaxLike):
    """``log(softmax(x))`` along a dim."""

    def forward(self, input: Any) -> Any:
        """Return the logarithm of the softmax of `input`."""
        return log_softmax(input, implicit_dim("LogSoftmax", self.dim, len(input.shape)))


class Softmin(_SoftmaxLike):
    """``softmax(-x)`` along a dim."""

    def forward(self, input: Any) -> Any:
        """Return the softmin of `input`."""
        return softmin(input, implicit_dim("Softmin", self.dim, len(input.shape)))


class Softmax2d(_Activation):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Any) -> Any:
        """Return the softmax of `input`."""
        if len(input.shape) not in {3, 4}:
            raise ShapeError(f"Softmax2d: 3 or 4 dims are required, got shape {tuple(input.shape)}")
        return softmax(input, -3)
