"""Elementwise functions.  What MLX leaves to the processor for integers is spelled out here."""

from __future__ import annotations

import math
from collections.abc import Callable

import mlx.core as mx
import numpy as np

from rustorch_mlx.graph import graph
from rustorch_mlx.kernels.build import functional, widened
from rustorch_mlx.views import ALL, BOOL, COMPLEX, FLOATS, INTEGERS, REAL, SINGLE

NUMBERS = INTEGERS | FLOATS | COMPLEX
UNSIGNED = (mx.uint8,)


def is_float(x: mx.array) -> bool:
    return mx.issubdtype(x.dtype, mx.floating)


def refuse_zero(op: str, b: mx.array) -> None:
    if not graph.value(mx.all(b != 0)).item():
        raise ZeroDivisionError(f"{op}: integer division by zero")


def floor_divide(a: mx.array, b: mx.array) -> mx.array:
    """``a / b`` rounded toward -inf; for floats the whole number that belongs to the remainder."""
    if is_float(a):
        quotient, left = (
            a / b,
            mx.remainder(mx.abs(a), mx.abs(b)),
        )  # what division toward zero leaves, unsigned
        whole = mx.round((a - mx.where(a < 0, -left, left)) / b) - ((left != 0) & ((a < 0) != (b < 0)))
        zero = mx.where(quotient == 0, quotient, mx.where(quotient < 0, -0.0, 0.0))
        return mx.where(b == 0, quotient, mx.where(whole == 0, zero, whole))
    refuse_zero("floor_divide", b)
    if a.dtype in UNSIGNED:
        return a // b
    return mx.where(b == -1, -a, a // mx.where(b == -1, 1, b))  # MIN // -1 would be a trap of the processor


def remainder(a: mx.array, b: mx.array) -> mx.array:
    """The remainder of division toward -inf: zero, or of the sign of `b`."""
    if is_float(a):
        return mx.remainder(a, b)
    refuse_zero("remainder", b)
    return mx.remainder(a, b if a.dtype in UNSIGNED else mx.where(b == -1, 1, b))


def power(a: mx.array, b: mx.array) -> mx.array:
    """``a ** b``; for integers ``a ** -n`` is ``1 / a**n`` truncated, which is 0 unless a is 1 or -1."""
    if is_float(a) or a.dtype in UNSIGNED:
        return mx.power(a, b)
    unit = mx.abs(a) == 1
    return mx.where((b < 0) & ~unit, 0, mx.power(a, mx.where(unit, b & 1, mx.maximum(b, 0))))


def left_shift(a: mx.array, b: mx.array) -> mx.array:
    """A count outside of the dtype's width shifts all bits out."""
    bits = 8 * a.dtype.size
    inside = (b >= 0) & (b < bits)
    return mx.where(inside, a << mx.where(inside, b, 0), 0)


def right_shift(a: mx.array, b: mx.array) -> mx.array:
    """The same; a negative number is filled up with its sign."""
    bits = 8 * a.dtype.size
    return (
        a >> mx.where((b >= 0) & (b < bits), b, bits - 1)
        if a.dtype not in UNSIGNED
        else (mx.where(b < bits, a >> mx.where(b < bits, b, 0), 0))
    )


def sign(x: mx.array) -> mx.array:
    return x if x.dtype == mx.bool_ else mx.sign(x)


def exp(x: mx.array) -> mx.array:
    """MLX's own is up to 14 units in the last place off, its `expm1` less than one."""
    if x.dtype == mx.complex64:
        return mx.exp(x)
    grown = mx.expm1(mx.abs(x)) + 1
    return mx.where(x < 0, 1 / grown, grown)


def sigmoid(x: mx.array) -> mx.array:
    return 1 / (1 + exp(-x))


def silu(x: mx.array) -> mx.array:
    return x * sigmoid(x)


def silu_backward(g: mx.array, x: mx.array) -> mx.array:
    s = sigmoid(x)
    return g * s * (1 + x * (1 - s))


def erf(x: mx.array) -> mx.array:
    """MLX's own loses its digits towards 0; there the Maclaurin series has 12 terms for float32."""
    term = total = x * (2 / math.sqrt(math.pi))
    for n in range(1, 12):
        term = term * -(x * x) / n
        total = total + term / (2 * n + 1)
    return mx.where(mx.abs(x) < 1, total, mx.erf(x))


def on_host(function: Callable[..., np.ndarray]) -> Callable[[mx.array], mx.array]:
    """Compute a function of float64 in NumPy.

    MLX computes some to the accuracy of float32.  It has float64 on the processor only, whose memory
    NumPy sees without a copy.
    """

    def compute(x: mx.array) -> mx.array:
        with np.errstate(all="ignore"):
            return mx.array(function(np.asarray(graph.value(x))), mx.float64)

    return compute


DOUBLE = {
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}

#: dtypes, op and function.
TABLE = [
    (NUMBERS, "neg", mx.negative),
    (NUMBERS, "abs", mx.abs),
    (NUMBERS, "sub", mx.subtract),
    (NUMBERS, "square", mx.square),
    (INTEGERS | FLOATS, "floor", lambda x: mx.floor(x) if is_float(x) else x),
    (INTEGERS | FLOATS, "floor_divide", floor_divide),
    (INTEGERS | FLOATS, "remainder", remainder),
    (INTEGERS | FLOATS, "pow", power),
    (INTEGERS | FLOATS, "relu", lambda x: mx.maximum(x, 0)),
    (SINGLE | COMPLEX, "exp", widened(exp)),
    (FLOATS | COMPLEX, "log", mx.log),
    (FLOATS | COMPLEX, "sqrt", mx.sqrt),
    (SINGLE | COMPLEX, "sin", lambda x: mx.where(x == 0, x, mx.sin(x))),
    (FLOATS | COMPLEX, "tanh", mx.tanh),
    (FLOATS | COMPLEX, "div", mx.divide),
    (SINGLE, "erf", widened(erf)),
    (SINGLE, "cos", mx.cos),
    (FLOATS, "tan", mx.tan),
    (FLOATS, "asin", mx.arcsin),
    (FLOATS, "acos", mx.arccos),
    (FLOATS, "atan", mx.arctan),
    (FLOATS, "atan2", mx.arctan2),
    (FLOATS, "sinh", mx.sinh),
    (FLOATS, "cosh", mx.cosh),
    (SINGLE, "exp2", widened(lambda x: mx.power(2, x))),
    (FLOATS, "expm1", mx.expm1),
    (FLOATS, "log2", mx.log2),
    (FLOATS, "log10", mx.log10),
    (FLOATS, "log1p", mx.log1p),
    (FLOATS, "ceil", mx.ceil),
    (FLOATS, "round", mx.round),
    (FLOATS, "trunc", mx.trunc),
    (FLOATS, "reciprocal", mx.reciprocal),
    (FLOATS, "rsqrt", mx.rsqrt),
    (SINGLE, "sigmoid", widened(sigmoid)),
    (SINGLE, "silu", widened(silu)),
    (FLOATS, "relu_backward", lambda g, y: mx.where(y <= 0, 0, g)),
    (SINGLE, "sigmoid_backward", widened(lambda g, y: g * y * (1 - y))),
    (SINGLE, "tanh_backward", widened(lambda g, y: g * (1 - y * y))),
    (SINGLE, "silu_backward", widened(silu_backward)),
    (ALL, "add", mx.add),
    (ALL, "mul", mx.multiply),
    (ALL, "eq", mx.equal),
    (ALL, "ne", mx.not_equal),
    (ALL, "isnan", mx.isnan),
    (ALL, "isinf", mx.isinf),
    (ALL, "isfinite", mx.isfinite),
    (ALL, "logical_and", lambda a, b: (a != 0) & (b != 0)),
    (ALL, "logical_or", lambda a, b: (a != 0) | (b != 0)),
    (ALL, "logical_xor", lambda a, b: (a != 0) ^ (b != 0)),
    (ALL, "logical_not", lambda x: x == 0),
    (REAL, "maximum", mx.maximum),
    (REAL, "minimum", mx.minimum),
    (REAL, "lt", mx.less),
    (REAL, "le", mx.less_equal),
    (REAL, "gt", mx.greater),
    (REAL, "ge", mx.greater_equal),
    (REAL, "sign", sign),
    (BOOL | INTEGERS, "bitwise_and", mx.bitwise_and),
    (BOOL | INTEGERS, "bitwise_or", mx.bitwise_or),
    (BOOL | INTEGERS, "bitwise_xor", mx.bitwise_xor),
    (BOOL, "bitwise_not", mx.logical_not),
    (INTEGERS, "bitwise_not", mx.bitwise_invert),
    (INTEGERS, "bitwise_left_shift", left_shift),
    (INTEGERS, "bitwise_right_shift", right_shift),
]
TABLE += [(frozenset({"float64"}), op, on_host(function)) for op, function in DOUBLE.items()]
KERNELS = [functional(op, function, dtypes) for dtypes, op, function in TABLE]
