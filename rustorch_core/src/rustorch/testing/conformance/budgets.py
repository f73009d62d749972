"""What error a kernel may have: its budget, an absolute error per element of the result.

An element may always be off by half a unit in the last place, which is what rounding makes.

============= ==================================================================================
class         budget
============= ==================================================================================
exact         none: every bit is defined (movement, comparisons, integers, selections, random bits)
rounded       half a unit in the last place: the correctly rounded result (add, sub, mul, square)
close         2 units (div, sqrt, rsqrt, reciprocal, ...)
function      4 units, 2 for the half dtypes (exp, log, sin, ...)
hard function 6 units, 3 for the half dtypes (erf, tanh, pow, atan2, ...); cos and acos also eps, since their
              zeros are no numbers of the dtype
sum           eps (1 + sqrt n) sum |a| |b| over the n products of an element; eps is that of float32 for half
              dtypes (matmul)
composed sum  the same, and eps of the dtype itself times sum |a| |b| (linear, conv2d, pooling)
plain sum     eps (2 + log2 n) / 2 sum |a|: sums are to be added pairwise (sum, cumsum, ...)
scattered sum eps (1 + sqrt n) sum |a|: elements are added one by one (scatter, index_add)
product       eps n |y|
stable        4 units, and 16 times what rounding the operands once changes (everything composed: normalization,
              softmax, attention, losses, optimizers, cells, activations); for float64 four times that, since
              the oracle computes in float64 as well; at least 8 times the smallest subnormal number
cell          the same, and eps, since gates are at most 1 (recurrent cells and layers)
activation    the same, and eps |x|, for functions that are x times another one
============= ==================================================================================
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import FLOAT
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance import oracle
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.numerics import Array, accumulator_eps, eps, spacing

_EXACT = """
fill copy cast where abs neg floor ceil trunc round sign frac maximum minimum lt eq ne le gt ge logical_not logical_and
logical_or logical_xor isnan isinf isfinite bitwise_not amax amin argmax argmin gather index_select relu relu6 clamp
hardtanh threshold hardshrink relu_backward max_pool2d sort random_bits random_uniform
"""
_HARD = "tanh erf pow asin acos cos atan atan2 sinh cosh hypot"
_CLASSES = {
    "exact": _EXACT,
    "rounded": "add sub mul square",
    "close": """div sqrt reciprocal rsqrt softsign floor_divide remainder arange softshrink leaky_relu
        leaky_relu_backward""",
    "function": "exp log sin exp2 expm1 log2 log10 log1p",
    "hard function": _HARD,
    "sum": "matmul",
    "composed sum": "linear conv2d conv2d_input_grad conv2d_weight_grad avg_pool2d avg_pool2d_backward",
    "plain sum": "sum cumsum",
    "scattered sum": "index_add scatter max_pool2d_backward",
    "product": "prod",
    "cell": """lstm_cell lstm_cell_backward gru_cell gru_cell_backward lstm_layer lstm_layer_backward gru_layer
        gru_layer_backward rnn_layer rnn_layer_backward""",
    "activation": "gelu gelu_backward silu silu_backward mish tanhshrink hardswish",
}
CLASS_OF = {op: name for name, ops in _CLASSES.items() for op in ops.split()}

#: Functions whose zeros fall between numbers.
_SHIFTED_ZEROS = frozenset({"cos", "acos"})
#: Composed ops that treat each element alone.
_LOCAL = frozenset({"sgd_step", "adam_step"})
#: How often operands are nudged to see how far a composed result moves.
_TRIES = 4


def class_of(call: Call) -> str:
    """Return the name of the class that a call is judged by."""
    if call.op == "scatter" and call.attrs.get("mode") != "add":
        return "exact"
    return CLASS_OF.get(call.op, "stable")


def allowed(call: Call, expected: list[Array | None], device: Device) -> list[Array | None]:
    """Return the budget of each result of a call; None where every bit is defined.

    Args:
        call: the call, in the dtype under test.
        expected: the oracle's results.
        device: the oracle.
    """
    kind = class_of(call)
    if kind == "exact" or not any(o is not None and o.dtype.category >= FLOAT for o in call.outs):
        return [None] * len(expected)
    budget = _BUDGETS[kind](call, expected, device)
    return [
        None if o is None or y is None or o.dtype.category < FLOAT else b
        for o, y, b in zip(call.outs, expected, budget, strict=True)
    ]


def _units(count: float) -> Any:
    def budget(call: Call, expected: list[Array | None], _device: Device) -> list[Any]:
        return [None if y is None else count * _spacing(o, y) for o, y in _pairs(call, expected)]

    return budget


def _function(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    halves = any(o is not None and o.dtype.itemsize == 2 for o in call.outs)
    return list(_units(2.0 if halves else 4.0)(call, expected, device))


def _hard_function(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    budget = [1.5 * b for b in _function(call, expected, device)]
    if call.op not in _SHIFTED_ZEROS:
        return budget
    return [b + eps(o.dtype) for o, b in zip(call.outs, budget, strict=True) if o is not None]


def _sum(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    return _of_sums(call, expected, device, lambda o, n: accumulator_eps(o.dtype) * (1 + np.sqrt(n)))


def _composed_sum(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    return _of_sums(
        call, expected, device, lambda o, n: accumulator_eps(o.dtype) * (1 + np.sqrt(n)) + eps(o.dtype)
    )


def _plain_sum(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    return _of_sums(
        call, expected, device, lambda o, n: accumulator_eps(o.dtype) * (2 + np.log2(np.maximum(n, 1))) / 2
    )


def _scattered_sum(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    return _of_sums(call, expected, device, lambda o, n: eps(o.dtype) * (1 + np.sqrt(n)))


def _of_sums(call: Call, expected: list[Array | None], device: Device, growth: Any) -> list[Any]:
    sizes = oracle.magnitudes(call, device)
    counts = oracle.term_counts(call, device)
    return [
        None
        if o is None or y is None or s is None or n is None
        else growth(o, np.abs(n)) * np.abs(s) + 0.5 * _spacing(o, y)
        for (o, y), s, n in zip(_pairs(call, expected), sizes, counts, strict=True)
    ]


def _product(call: Call, expected: list[Array | None], _device: Device) -> list[Any]:
    first = next(x for x in call.operands if x is not None)
    terms = math.prod(first.shape) / max(1, math.prod(call.outs[0].shape))  # type: ignore[union-attr]
    return [
        None
        if o is None or y is None
        else accumulator_eps(o.dtype) * terms * np.abs(y) + 0.5 * _spacing(o, y)
        for o, y in _pairs(call, expected)
    ]


def _stable(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    local = call.op in _LOCAL or isinstance(registry.ops[call.op], Elementwise)
    moved = oracle.sensitivities(call, device, expected, tries=_TRIES, local=local)
    return [
        None if o is None or y is None else _slack(o) * (4 * _spacing(o, y) + 16 * m) + _least(o)
        for (o, y), m in zip(_pairs(call, expected), moved, strict=True)
    ]


def _slack(o: Operand) -> float:
    """Return 4 where the oracle rounds as the result does."""
    return 4.0 if o.dtype.itemsize >= 8 and eps(o.dtype) < 2.0**-50 else 1.0


def _least(o: Operand) -> float:
    return 8 * float(np.max(spacing(np.zeros(1), o.dtype)))


def _activation(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    size = np.maximum.reduce(
        [np.abs(x.values) for x in call.operands if x is not None and x.values is not None]
    )
    return [b + eps(call.outs[0].dtype) * size for b in _stable(call, expected, device)]  # type: ignore[union-attr]


def _cell(call: Call, expected: list[Array | None], device: Device) -> list[Any]:
    return [
        None if o is None or b is None else b + eps(o.dtype)
        for o, b in zip(call.outs, _stable(call, expected, device), strict=True)
    ]


def _pairs(call: Call, expected: list[Array | None]) -> list[tuple[Operand | None, Array | None]]:
    return list(zip(call.outs, expected, strict=True))


def _spacing(o: Operand | None, y: Array) -> Array:
    assert o is not None  # noqa: S101 - where there is a result there is its description
    if o.dtype.category < FLOAT:
        return np.zeros(y.shape)
    if o.dtype.is_complex:  # each part is judged against the size of the whole number
        return 2 * spacing(np.abs(y), o.dtype)
    return spacing(y, o.dtype)


_BUDGETS: dict[str, Any] = {
    "rounded": _units(0.5),
    "close": _units(2.0),
    "function": _function,
    "hard function": _hard_function,
    "composed sum": _composed_sum,
    "activation": _activation,
    "sum": _sum,
    "plain sum": _plain_sum,
    "scattered sum": _scattered_sum,
    "product": _product,
    "stable": _stable,
    "cell": _cell,
}
