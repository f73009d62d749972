"""Elementwise ops of one operand."""

from __future__ import annotations

import builtins
import math

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.kernels.elementwise import KernelFunction, elementwise, plain, unary_call

PLAIN = """
    relu neg abs sign square reciprocal sqrt rsqrt floor ceil trunc round bitwise_not
    exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh erf sigmoid silu
""".split()

PREDICATES = ("logical_not", "isnan", "isinf", "isfinite")


def _leaky_relu(op: str, op_id: int) -> KernelFunction:
    def kernel(out, x, *, negative_slope):
        unary_call(op, op_id, out, x, negative_slope, 0.0)

    return kernel


def _clamp(op: str, op_id: int) -> KernelFunction:
    def kernel(out, x, *, min=None, max=None):
        low = -math.inf if min is None else min
        high = math.inf if max is None else max
        # PyTorch: where the bounds cross, the upper one holds.
        unary_call(op, op_id, out, x, builtins.min(low, high), high)

    return kernel


def _elu(op: str, op_id: int) -> KernelFunction:
    def kernel(out, x, *, alpha):
        unary_call(op, op_id, out, x, alpha, 0.0)

    return kernel


def _softplus(op: str, op_id: int) -> KernelFunction:
    def kernel(out, x, *, beta, threshold):
        unary_call(op, op_id, out, x, beta, threshold)

    return kernel


def kernels() -> list[Kernel]:
    """All unary kernels."""
    found = [kernel for op in PLAIN for kernel in elementwise(op, plain)]
    whole = frozenset({"uint8", "int8", "int16", "int32", "int64"})  # rounding them is copying them
    for op in ("floor", "ceil", "round", "trunc"):
        found += [kernel for kernel in elementwise(op, plain, c_name="copy") if kernel.dtypes <= whole]
    found += [kernel for op in PREDICATES for kernel in elementwise(op, plain)]
    for op, make in {"leaky_relu": _leaky_relu, "clamp": _clamp, "elu": _elu, "softplus": _softplus}.items():
        found += elementwise(op, make)
    return found
