"""Elementwise ops of two operands, and the backward ops that are elementwise."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.kernels.elementwise import KernelFunction, binary_call, elementwise, plain

PLAIN = """
    add sub mul div floor_divide remainder maximum minimum pow atan2
    bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift
    relu_backward sigmoid_backward tanh_backward silu_backward
""".split()

COMPARISONS = "eq ne lt le gt ge logical_and logical_or logical_xor".split()


def _leaky_relu_backward(op: str, op_id: int) -> KernelFunction:
    def kernel(out, g, x, *, negative_slope):
        binary_call(op, op_id, out, g, x, negative_slope, 0.0)

    return kernel


def kernels() -> list[Kernel]:
    """All binary kernels."""
    found = [kernel for op in PLAIN for kernel in elementwise(op, plain)]
    found += [kernel for op in COMPARISONS for kernel in elementwise(op, plain)]
    return found + elementwise("leaky_relu_backward", _leaky_relu_backward)
