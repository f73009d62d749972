"""Smooth activations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from rustorch.errors import ArgumentError, ShapeError
from rustorch.ops.elementwise import elementwise, floating
from rustorch.ops.fronts import inplace_option
from rustorch.ops.movement import narrow
from rustorch.ops.public import public
from rustorch.ops.rectifiers import ONLY_FLOAT
from rustorch.ops.samples import array, call, unary
from rustorch.ops.select import where
from rustorch.shape import normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

_SMOOTH = unary()
_KINKED = unary(distinct=True)


@elementwise(floating, samples=_SMOOTH, partner="sigmoid_backward", aliases=("expit",))
def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + (-input).exp())


@elementwise(hidden=True)
def sigmoid_backward(g: Tensor, out: Tensor) -> Tensor:
    """Return g y (1 - y)."""
    return g * out * (1 - out)


sigmoid_backward.vjp(
    lambda h, _out, _g, y: sigmoid_backward(h, y),
    lambda h, _out, g, y: h * g * (1 - y * 2),
)
sigmoid.vjp(lambda g, out, _x: sigmoid_backward(g, out))


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_SMOOTH)
def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(x)), without overflow."""
    return input.minimum(0) - (-input.abs()).exp().log1p()


logsigmoid.vjp(lambda g, _out, x: g * (-x).sigmoid())


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_SMOOTH, partner="silu_backward", front=inplace_option)
def silu(input: Tensor) -> Tensor:
    """Return x sigmoid(x), also called swish (Hendrycks and Gimpel, 2016)."""
    return input * input.sigmoid()


@elementwise(hidden=True)
def silu_backward(g: Tensor, x: Tensor) -> Tensor:
    """Return g s (1 + x (1 - s)) with s = sigmoid(x)."""
    s = x.sigmoid()
    return g * s * (1 + x * (1 - s))


def _silu_second(h: Any, _out: Any, g: Any, x: Any) -> Any:
    s = x.sigmoid()
    return h * g * s * (1 - s) * (2 + x * (1 - s * 2))


silu_backward.vjp(lambda h, _out, _g, x: silu_backward(h, x), _silu_second)
silu.vjp(lambda g, _out, x: silu_backward(g, x))

# -- gelu --------------------------------------------------------------------------------------------

_TANH_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715
_APPROXIMATIONS = ("none", "tanh")


def _checked(function: Any) -> Any:
    """Refuse an unknown approximation before a kernel sees it."""

    def gelu(input: Any, *, approximate: Literal["none", "tanh"] = "none", out: Any = None) -> Any:
        if not isinstance(approximate, str) or approximate not in _APPROXIMATIONS:
            raise ArgumentError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
        return function(input, approximate=approximate, out=out)

    return gelu


def _bend(x: Any) -> tuple[Any, Any]:
    """Return tanh(u) and du/dx of the approximation's u = sqrt(2/pi) (x + 0.044715 x^3)."""
    square = x * x
    return ((x + x * square * _CUBIC) * _TANH_SCALE).tanh(), (1 + square * (3 * _CUBIC)) * _TANH_SCALE


@elementwise(
    allowed=ONLY_FLOAT,
    method=False,
    samples=lambda: [
        call(array(3, 5)),
        call(array(3, 5), approximate="tanh"),
        call(array()),
        call(array(0, 3)),
        call(array(4, 6, strided=True), approximate="tanh"),
    ],
    partner="gelu_backward",
    front=_checked,
)
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x times the normal distribution function of x (Hendrycks and Gimpel, 2016).

    Args:
        input: a floating-point tensor.
        approximate: "none" for 0.5 x (1 + erf(x / sqrt(2))), "tanh" for
            0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
        out: receives the result.
    """
    if approximate == "tanh":
        return input * (_bend(input)[0] + 1) * 0.5
    return input * ((input * math.sqrt(0.5)).erf() + 1) * 0.5


def _density(x: Any) -> Any:
    return (x * x * -0.5).exp() * (1 / math.sqrt(2 * math.pi))


@elementwise(hidden=True)
def gelu_backward(g: Tensor, x: Tensor, approximate: str) -> Tensor:
    """Return g times the derivative of gelu."""
    if approximate == "tanh":
        t, du = _bend(x)
        return g * ((t + 1) * 0.5 + x * (1 - t * t) * du * 0.5)
    return g * (((x * math.sqrt(0.5)).erf() + 1) * 0.5 + x * _density(x))


def _gelu_second(h: Any, _out: Any, g: Any, x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        return h * g * _density(x) * (2 - x * x)
    t, du = _bend(x)
    curved = x * (6 * _CUBIC * _TANH_SCALE)  # the second derivative of u
    return h * g * (1 - t * t) * (du + x * (curved * 0.5 - t * du * du))


gelu_backward.vjp(
    lambda h, _out, _g, x, *, approximate: gelu_backward(h, x, approximate=approximate),
    _gelu_second,
)
gelu.vjp(lambda g, _out, x, *, approximate: gelu_backward(g, x, approximate=approximate))

# -- softplus and what is made of it -----------------------------------------------------------------


@elementwise(
    allowed=ONLY_FLOAT,
    method=False,
    samples=lambda: [
        call(array(3, 5)),
        call(array(3, 5), beta=2.0, threshold=3),
        call(array()),
        call(array(0, 2)),
    ],
)
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold."""
    scaled = input * beta
    # the clamp keeps exp finite where its result is not chosen
    return where(scaled > threshold, input, scaled.minimum(threshold).exp().log1p() / beta)


softplus.vjp(
    lambda g, _out, x, *, beta, threshold: where(x * beta > threshold, g, g * (x * beta).sigmoid()),
)


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_SMOOTH, front=inplace_option)
def mish(input: Tensor) -> Tensor:
    """Return x tanh(softplus(x)) (Misra, 2019)."""
    return input * softplus(input).tanh()


def _mish_vjp(g: Any, _out: Any, x: Any) -> Any:
    t = softplus(x).tanh()
    return g * (t + x * (1 - t * t) * x.sigmoid())


mish.vjp(_mish_vjp)

# -- exponential linear units ------------------------------------------------------------------------


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_KINKED, front=inplace_option)
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, else alpha (exp(x) - 1) (Clevert et al., 2016)."""
    return where(input > 0, input, input.minimum(0).expm1() * alpha)


elu.vjp(lambda g, _out, x, *, alpha: where(x <= 0, g * alpha * x.minimum(0).exp(), g))

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_KINKED, front=inplace_option)
def selu(input: Tensor) -> Tensor:
    """Return the scaled elu that keeps mean 0 and variance 1 (Klambauer et al., 2017)."""
    return elu(input, _SELU_ALPHA) * _SELU_SCALE


selu.vjp(
    lambda g, _out, x: (
        where(x <= 0, x.minimum(0).exp() * (_SELU_ALPHA * _SELU_SCALE), _SELU_SCALE).to(x.dtype) * g
    ),
)


@elementwise(allowed=ONLY_FLOAT, method=False, samples=_KINKED, front=inplace_option)
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, else alpha (exp(x / alpha) - 1) (Barron, 2017)."""
    return where(input > 0, input, (input.minimum(0) / alpha).expm1() * alpha)


celu.vjp(lambda g, _out, x, *, alpha: where(x <= 0, g * (x.minimum(0) / alpha).exp(), g))

# -- the rest ----------------------------------------------------------------------------------------


@elementwise(floating, method=False, samples=_KINKED)
def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    return input / (input.abs() + 1)


softsign.vjp(lambda g, _out, x: g / (x.abs() + 1).square())


@elementwise(floating, method=False, samples=_SMOOTH)
def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x)."""
    return input - input.tanh()


tanhshrink.vjp(lambda g, _out, x: g * x.tanh().square())


@public(method=False, samples=lambda: [call(array(3, 4)), call(array(4, 2, 3), 0), call(array(0, 2))])
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a sigmoid(b), where a and b are the halves of the input along `dim` (Dauphin et al., 2017).

    Raises:
        ShapeError: if the size along `dim` is odd, or the input is 0-d.
    """
    if not input.shape:
        raise ShapeError("glu: at least 1 dim is required, got a 0-d tensor")
    axis = normalize_dim("glu", dim, len(input.shape))
    half, odd = divmod(input.shape[axis], 2)
    if odd:
        raise ShapeError(f"glu: the size along dim {dim} must be even, got {input.shape[axis]}")
    return narrow(input, axis, 0, half) * sigmoid(narrow(input, axis, half, half))
