"""Elementwise ops: one line each, from which a kernel per dtype is generated.

A formula is C++ on the wide values ``a``, ``b``, ``c`` of the operands, the numbers ``n0`` ... of the
attributes, and the functions of ``source/functions.cuh``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rustorch_cuda.types import ALL, BOOL, COMPLEX, FLOATS, INTEGERS, REAL


class Formula(NamedTuple):
    """How one op is computed."""

    operands: int
    expression: str
    dtypes: frozenset[str]
    result: str = ""  # dtype of the result; that of the operands if empty
    first: str = ""  # dtype of the first operand, likewise
    attributes: tuple[str, ...] = ()  # numbers that the formula takes, in the order n0, n1 ...


NUMERIC = INTEGERS | FLOATS | COMPLEX
BITS = BOOL | INTEGERS

FORMULAS: dict[str, Formula] = {
    # one operand
    "neg": Formula(1, "negative(a)", NUMERIC),
    "abs": Formula(1, "magnitude(a)", INTEGERS | FLOATS),
    "exp": Formula(1, "exp(a)", FLOATS),
    "log": Formula(1, "log(a)", FLOATS),
    "sqrt": Formula(1, "sqrt(a)", FLOATS),
    "sin": Formula(1, "sin(a)", FLOATS),
    "cos": Formula(1, "cos(a)", FLOATS),
    "tanh": Formula(1, "tanh(a)", FLOATS),
    "erf": Formula(1, "erf(a)", FLOATS),
    "floor": Formula(1, "floor(a)", FLOATS),
    "relu": Formula(1, "a < 0 ? (A)0 : a", FLOATS),
    "sigmoid": Formula(1, "logistic(a)", FLOATS),
    "silu": Formula(1, "a * logistic(a)", FLOATS),
    "gelu": Formula(1, "n0 ? gelu_by_tanh(a) : gelu_by_erf(a)", FLOATS, attributes=("approximate",)),
    "reciprocal": Formula(1, "1 / a", FLOATS),
    "rsqrt": Formula(1, "1 / sqrt(a)", FLOATS),
    "square": Formula(1, "a * a", FLOATS),
    "log1p": Formula(1, "log1p(a)", FLOATS),
    "expm1": Formula(1, "expm1(a)", FLOATS),
    "isnan": Formula(1, "a != a", FLOATS, result="bool"),
    # two operands
    "add": Formula(2, "plus(a, b)", ALL),
    "sub": Formula(2, "minus(a, b)", NUMERIC),
    "mul": Formula(2, "times(a, b)", ALL),
    "div": Formula(2, "a / b", FLOATS | COMPLEX),
    "floor_divide": Formula(2, "floor_quotient(a, b, r.failure, r.whole[0])", INTEGERS | FLOATS),
    "remainder": Formula(2, "modulo(a, b, r.failure, r.whole[0])", INTEGERS | FLOATS),
    "maximum": Formula(2, "greatest(a, b)", REAL),
    "minimum": Formula(2, "least(a, b)", REAL),
    "pow": Formula(2, "power(a, b)", INTEGERS | FLOATS),
    "bitwise_and": Formula(2, "a & b", BITS),
    "bitwise_or": Formula(2, "a | b", BITS),
    "bitwise_xor": Formula(2, "a ^ b", BITS),
    "bitwise_left_shift": Formula(2, "shifted_left(a, b)", INTEGERS),
    "bitwise_right_shift": Formula(2, "shifted_right(a, b)", INTEGERS),
    "lt": Formula(2, "a < b", REAL, result="bool"),
    "le": Formula(2, "a <= b", REAL, result="bool"),
    "gt": Formula(2, "a > b", REAL, result="bool"),
    "ge": Formula(2, "a >= b", REAL, result="bool"),
    "eq": Formula(2, "a == b", ALL, result="bool"),
    "ne": Formula(2, "!(a == b)", ALL, result="bool"),
    "relu_backward": Formula(2, "b <= 0 ? (A)0 : a", FLOATS),
    "sigmoid_backward": Formula(2, "a * (b * (1 - b))", FLOATS),
    "tanh_backward": Formula(2, "a * ((1 - b) * (1 + b))", FLOATS),
    # three operands
    "where": Formula(3, "a ? b : c", ALL, first="bool"),
}


def numbers_of(formula: Formula, attributes: dict[str, Any]) -> list[float]:
    """Return the attributes as numbers; ``approximate`` is 1 for "tanh"."""
    return [
        float(attributes[name] == "tanh" if name == "approximate" else attributes[name])
        for name in formula.attributes
    ]
