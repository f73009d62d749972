"""Kernels that round, overflow or lose special values."""

from __future__ import annotations

import numpy as np

from wrong_kernels.planting import found_in, wrong
from wrong_kernels.reading import array

FLOATS = "float32 float64"


@wrong("maximum", "gives the other operand where one is NaN", like="fmax of C")
def maximum_drops_nan(right):
    def kernel(out, a, b):
        right(out, a, b)
        if out.dtype.is_floating_point:
            array(out)[...] = np.fmax(array(a), array(b))

    return kernel


@wrong("relu", "gives 0 for NaN", like="x > 0 ? x : 0", backend="cpu")
def relu_drops_nan(right):
    def kernel(out, x):
        values = array(x).copy()
        array(out)[...] = np.where(values > 0, values, 0)

    return kernel


@wrong("clamp", "gives a limit for NaN", like="fmin(fmax(x, low), high)", backend="cpu")
def clamp_drops_nan(right):
    def kernel(out, x, *, min, max):
        missing = np.isnan(array(x))
        right(out, x, min=min, max=max)
        array(out)[missing] = max if min is None else min

    return kernel


@wrong(
    "amin",
    "ignores a NaN unless it comes first",
    like="a reduction by < without a test for NaN",
    dtypes=FLOATS,
)
def amin_drops_nan(right):
    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if x.shape.elements and dim:
            with np.errstate(invalid="ignore"):
                array(out)[...] = np.fmin.reduce(array(x), axis=dim, keepdims=True)

    return kernel


@wrong("eq", "compares bits", like="memcmp: NaN equals itself, and 0.0 is not -0.0", dtypes=FLOATS)
def compares_bits(right):
    def kernel(out, a, b):
        kind = np.dtype(f"i{a.dtype.itemsize}")
        array(out)[...] = np.ascontiguousarray(array(a)).view(kind) == np.ascontiguousarray(array(b)).view(
            kind
        )

    return kernel


@wrong(
    "div", "flushes denormal results to 0", like="-ffast-math, or a GPU's flush-to-zero mode", dtypes=FLOATS
)
def flushes_denormals(right):
    def kernel(out, a, b):
        right(out, a, b)
        values = array(out)
        values[np.abs(values) < np.finfo(values.dtype).tiny] = 0

    return kernel


@wrong(
    "sigmoid",
    "computes exp(x) / (1 + exp(x))",
    like="an overflow: infinity over infinity",
    backend="cpu",
    dtypes=FLOATS,
)
def sigmoid_overflows(right):
    def kernel(out, x):
        with np.errstate(all="ignore"):
            power = np.exp(array(x))
            array(out)[...] = power / (1 + power)

    return kernel


@wrong(
    "softmax",
    "does not subtract the maximum",
    like="the formula of the textbook",
    backend="cpu",
    dtypes=FLOATS,
)
def softmax_overflows(right):
    def kernel(out, x, *, dim):
        if not x.shape:
            right(out, x, dim=dim)
            return
        with np.errstate(all="ignore"):
            power = np.exp(array(x))
            array(out)[...] = power / power.sum(dim, keepdims=True)

    return kernel


@wrong("neg", "computes 0 - x", like="0.0 becomes 0.0 and not -0.0", dtypes=FLOATS)
def loses_minus_zero(right):
    def kernel(out, x):
        with np.errstate(all="ignore"):
            array(out)[...] = 0 - array(x)

    return kernel


@wrong(
    "sum",
    "adds float32 one after the other",
    like="one accumulator: the error grows with the count",
    dtypes="float32",
)
def naive_sum(right):
    def kernel(out, x, *, dim):
        right(out, x, dim=dim)
        if x.shape.elements and len(dim) == len(x.shape):
            with np.errstate(all="ignore"):
                array(out)[...] = np.cumsum(array(x).reshape(-1), dtype=np.float32)[-1]

    return kernel


@wrong("matmul", "adds float16 in float16", like="an accumulator of the operands' type", dtypes="float16")
def half_accumulator(right):
    def kernel(out, a, b):
        left, other = array(a), array(b)
        total = np.zeros(out.shape, np.float16)
        with np.errstate(all="ignore"):
            for k in range(left.shape[-1]):
                total = total + left[..., :, k : k + 1] * other[..., k : k + 1, :]
        array(out)[...] = total

    return kernel


@wrong(
    "erf",
    "uses an approximation with an absolute error of 1.5e-7",
    like="Abramowitz and Stegun 7.1.26: no digit is right near 0",
    dtypes=FLOATS,
)
def erf_of_the_handbook(right):
    coefficients = 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0.0

    def kernel(out, x):
        values = array(x).astype(np.float64)
        with np.errstate(all="ignore"):
            t = 1 / (1 + 0.3275911 * np.abs(values))
            array(out)[...] = np.sign(values) * (1 - np.polyval(coefficients, t) * np.exp(-values * values))

    return kernel


@wrong("log1p", "computes log(1 + x)", like="the reason why log1p exists", backend="cpu", dtypes=FLOATS)
def log1p_cancels(right):
    def kernel(out, x):
        with np.errstate(all="ignore"):
            array(out)[...] = np.log(1 + array(x))

    return kernel


@wrong(
    "mul",
    "multiplies int64 as float64",
    like="a device without 64-bit integers: exact up to 2^53 only",
    dtypes="int64",
)
def integers_through_floats(right):
    def kernel(out, a, b):
        with np.errstate(all="ignore"):
            product = array(a).astype(np.float64) * array(b).astype(np.float64)
            array(out)[...] = np.clip(product, -(2.0**63), 2.0**63 - 1024).astype(np.int64)

    return kernel


@wrong("add", "saturates uint8", like="the SIMD instruction beside the wanted one", dtypes="uint8")
def saturates(right):
    def kernel(out, a, b):
        array(out)[...] = np.minimum(array(a).astype(np.int64) + array(b), 255)

    return kernel


@wrong(
    "lt",
    "tests the sign of the difference",
    like="a - b < 0, which overflows",
    dtypes="int8 int16 int32 int64",
)
def difference_overflows(right):
    def kernel(out, a, b):
        with np.errstate(all="ignore"):
            array(out)[...] = (array(a) - array(b)) < 0

    return kernel


@wrong("cast", "rounds floats to integers", like="lrint for a conversion that truncates")
def rounds_to_integers(right):
    def kernel(out, x):
        right(out, x)
        if x.dtype.name in ("float32", "float64") and out.dtype.name == "int64":
            values = np.rint(array(x))
            fits = np.isfinite(values) & (np.abs(values) < 2.0**62)
            array(out)[fits] = values[fits].astype(np.int64)

    return kernel


@wrong("cast", "cuts off the lower bits of float32 for bfloat16", like="a shift by 16: rounded toward zero")
def truncates_to_bfloat16(right):
    def kernel(out, x):
        right(out, x)
        if x.dtype.name == "float32" and out.dtype.name == "bfloat16":
            upper = (np.ascontiguousarray(array(x)).view(np.uint32) >> 16).astype(np.uint16)
            finite = np.isfinite(array(x))
            array(out)[finite] = upper.view(out.dtype.numpy)[finite]

    return kernel


@wrong(
    "arange",
    "adds the step again and again",
    like="x += step: the error grows with the index",
    dtypes="float32",
)
def drifts(right):
    def kernel(out, *, start, step):
        right(out, start=start, step=step)
        if out.shape.elements:
            steps = np.full(out.shape, step, np.float32)
            steps[0] = start
            array(out)[...] = np.cumsum(steps, dtype=np.float32)

    return kernel


WRONG = found_in(globals())
