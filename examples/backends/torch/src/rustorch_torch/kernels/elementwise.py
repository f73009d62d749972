"""Elementwise functions; most are PyTorch's under the same name and write in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional

from rustorch_torch.kernels.build import stored, written
from rustorch_torch.views import ALL, BOOL, COMPLEX, FLOATS, HALF, INTEGERS, REAL, WIDE

aten = torch.ops.aten
NUMBERS = INTEGERS | FLOATS | COMPLEX

#: dtypes, and the ops whose torch function has the op's name, operands and attributes, and an `out`.
SAME_NAME = [
    (NUMBERS, "neg sub"),
    (INTEGERS | FLOATS, "floor ceil round trunc abs pow clamp"),
    (FLOATS | COMPLEX, "exp log sqrt sin tanh div"),
    (
        FLOATS,
        "sigmoid cos tan asin acos atan exp2 expm1 log2 log10 log1p reciprocal rsqrt square atan2",
    ),
    (ALL, "add mul eq ne logical_and logical_or logical_xor logical_not"),
    (REAL, "maximum minimum lt le gt ge sign"),
    (BOOL | INTEGERS, "bitwise_and bitwise_or bitwise_xor bitwise_not"),
    (INTEGERS, "bitwise_left_shift bitwise_right_shift"),
]


def undefined(a: torch.Tensor, b: torch.Tensor, op: str) -> torch.Tensor | None:
    """Return where an integer division would overflow (``MIN // -1``: a trap of the processor), None for floats."""
    if b.dtype.is_floating_point:
        return None
    if not b.all():
        raise ZeroDivisionError(f"{op}: integer division by zero")
    return b == -1 if b.dtype.is_signed else None


def floor_divide(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    negated = undefined(a, b, "floor_divide")
    if negated is None:
        return torch.floor_divide(a, b)
    return torch.where(negated, -a, torch.floor_divide(a, b.masked_fill(negated, 1)))


def remainder(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    negated = undefined(a, b, "remainder")
    return torch.remainder(a, b if negated is None else b.masked_fill(negated, 1))


def erf(x: torch.Tensor) -> torch.Tensor:
    return torch.erf(x.float())  # of half precision PyTorch's own is off by two percent near 0


def hyperbolic(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return sinh or cosh also of those arguments just below the overflow for which PyTorch's float32 is infinite."""
    x = x if x.dtype == torch.float64 else x.float()
    half = torch.exp(0.5 * x.abs())
    value = function(x)
    return torch.where(value.isinf(), 0.5 * half * half * value.sign(), value)


#: name -> dtypes and function; these have no `out`, or another signature.
OTHERS = {
    "floor_divide": (INTEGERS | FLOATS, floor_divide),
    "remainder": (
        INTEGERS,
        remainder,
    ),  # of floats it decomposes: PyTorch's is NaN where the quotient overflows
    "relu": (INTEGERS | FLOATS, torch.relu),
    "sinh": (FLOATS, partial(hyperbolic, torch.sinh)),
    "cosh": (FLOATS, partial(hyperbolic, torch.cosh)),
    "silu": (FLOATS, functional.silu),
    "gelu": (FLOATS, functional.gelu),
    "elu": (FLOATS, functional.elu),
    "softplus": (FLOATS, functional.softplus),
    "leaky_relu": (FLOATS, functional.leaky_relu),
    "isnan": (ALL, torch.isnan),
    "isinf": (ALL, torch.isinf),
    "isfinite": (ALL, torch.isfinite),
    "relu_backward": (FLOATS, lambda g, y: aten.threshold_backward(g, y, 0)),
    "sigmoid_backward": (FLOATS, aten.sigmoid_backward),
    "tanh_backward": (FLOATS, aten.tanh_backward),
    "silu_backward": (FLOATS, aten.silu_backward),
    "gelu_backward": (FLOATS, aten.gelu_backward),
    "leaky_relu_backward": (
        FLOATS,
        lambda g, x, *, negative_slope: aten.leaky_relu_backward(g, x, negative_slope, False),
    ),
}

KERNELS = [
    *(written(op, getattr(torch, op), dtypes) for dtypes, ops in SAME_NAME for op in ops.split()),
    written("abs", torch.abs, COMPLEX),  # `out` is real
    written("erf", torch.erf, WIDE),
    stored("erf", erf, HALF),
    *(stored(op, function, dtypes) for op, (dtypes, function) in OTHERS.items()),
]
