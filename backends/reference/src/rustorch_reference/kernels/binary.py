"""Elementwise functions of two operands of one dtype and shape."""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL, BOOL, COMPLEX, FLOATS, INTEGERS, REAL
from rustorch_reference.kernels.build import elementwise


def is_integer(x: np.ndarray) -> bool:
    return x.dtype.kind in "iu"


def refuse_zero(op: str, b: np.ndarray) -> None:
    if is_integer(b) and not b.all():
        raise ZeroDivisionError(f"{op}: integer division by zero")


def signs_differ(rest: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where division toward zero left a rest that division toward -inf would not leave."""
    return (rest != 0) & ((rest < 0) != (b < 0))


def remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The remainder of division toward -inf: zero, or of the sign of `b`."""
    refuse_zero("remainder", b)
    rest = np.fmod(a, b)  # of the sign of `a`
    return np.where(signs_differ(rest, b), rest + b, rest)


def floor_divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a / b`` rounded toward -inf; for floats the whole number that belongs to the remainder."""
    refuse_zero("floor_divide", b)
    if is_integer(a):
        return np.floor_divide(a, b)
    rest = np.fmod(a, b)
    whole = np.rint((a - rest) / b) - signs_differ(rest, b)
    whole = np.where(whole == 0, np.copysign(0.0, a / b), whole)
    return np.where(b == 0, a / b, whole)


def power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a ** b``; for integers ``a ** -n`` is ``1 / a**n`` truncated, which is 0 unless a is 1 or -1."""
    if not is_integer(a):
        return np.power(a, b)
    positive = np.power(a, np.where(np.abs(a) == 1, b & 1, np.maximum(b, 0)))
    return np.where((b < 0) & (np.abs(a) != 1), 0, positive)


KERNELS = [
    elementwise("add", np.add, ALL),  # bool: or
    elementwise("sub", np.subtract, INTEGERS | FLOATS | COMPLEX),
    elementwise("mul", np.multiply, ALL),  # bool: and
    elementwise("div", np.divide, FLOATS | COMPLEX),
    elementwise("floor_divide", floor_divide, INTEGERS | FLOATS),
    elementwise("remainder", remainder, INTEGERS | FLOATS),
    elementwise("pow", power, INTEGERS | FLOATS),
    elementwise("maximum", np.maximum, REAL),  # NaN if either is
    elementwise("minimum", np.minimum, REAL),
    elementwise("bitwise_and", np.bitwise_and, BOOL | INTEGERS),
    elementwise("bitwise_or", np.bitwise_or, BOOL | INTEGERS),
    elementwise("bitwise_xor", np.bitwise_xor, BOOL | INTEGERS),
    # A shift by the dtype's width or more, or by a negative count, shifts every bit out.
    elementwise("bitwise_left_shift", np.left_shift, INTEGERS),
    elementwise("bitwise_right_shift", np.right_shift, INTEGERS),  # copies the sign bit
]
