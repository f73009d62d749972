"""Elementwise functions of one operand."""

from __future__ import annotations

import math

import numpy as np

from rustorch_reference.dtypes import COMPLEX, FLOATS, INTEGERS
from rustorch_reference.kernels.build import elementwise

NUMBERS = INTEGERS | FLOATS | COMPLEX


def floor(x: np.ndarray) -> np.ndarray:
    """Round toward -inf; an integer is its own floor."""
    return np.floor(x) if x.dtype.kind == "f" else x


def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x."""
    return np.vectorize(math.erf, otypes=[np.float64])(x)


KERNELS = [
    elementwise("neg", np.negative, NUMBERS),
    elementwise("abs", np.abs, NUMBERS),  # of a complex operand: `out` is real
    elementwise("exp", np.exp, FLOATS | COMPLEX),
    elementwise("log", np.log, FLOATS | COMPLEX),
    elementwise("sqrt", np.sqrt, FLOATS | COMPLEX),
    elementwise("sin", np.sin, FLOATS | COMPLEX),
    elementwise("tanh", np.tanh, FLOATS | COMPLEX),
    elementwise("floor", floor, INTEGERS | FLOATS),
    elementwise("erf", erf, FLOATS),
]
