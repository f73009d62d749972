"""GELU: one op of the core, two rows of the C table; the attribute `approximate` chooses."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.kernels.elementwise import KernelFunction, elementwise, plain


def _either(exact: Kernel, approximate: Kernel) -> Kernel:
    run_exact, run_approximate = exact.fn, approximate.fn

    def kernel(out, *inputs, approximate="none"):
        (run_approximate if approximate == "tanh" else run_exact)(out, *inputs)

    return Kernel(exact.op, kernel, exact.dtypes, layout="strided")


def _pair(op: str, make: KernelFunction, tanh_name: str) -> list[Kernel]:
    exact, approximate = elementwise(op, make), elementwise(op, make, c_name=tanh_name)
    return [_either(e, a) for e, a in zip(exact, approximate, strict=True)]


def kernels() -> list[Kernel]:
    """GELU and its backward."""
    return _pair("gelu", plain, "gelu_tanh") + _pair("gelu_backward", plain, "gelu_tanh_backward")
