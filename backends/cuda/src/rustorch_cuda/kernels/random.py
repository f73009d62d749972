"""Random numbers by the bits that the core defines (Philox4x32-10)."""

from __future__ import annotations

from typing import Any

from rustorch.plugins import Kernel
from rustorch_cuda.geometry import packed_dense
from rustorch_cuda.program import Driver, Program, source

#: (op, dtype) -> the generator of source/random.cuh.
DRAWS = {
    ("random_bits", "int32"): "Bits",
    ("random_uniform", "float32"): "Uniform",
    ("random_uniform", "float64"): "WideUniform",
}


def build(driver: Driver) -> list[Kernel]:
    """Return a kernel per op and dtype; what is not here is drawn by decomposition, with the same bits."""
    return [Kernel(op, _kernel(driver, op, dtype), frozenset({dtype})) for op, dtype in DRAWS]


def text_of(op: str, dtype: str) -> str:
    """Return the source of one of the kernels."""
    lines = f'extern "C" __global__ void draw_form(const Args<2> r) {{ draw<{DRAWS[op, dtype]}>(r); }}'
    return source("random", lines=lines)


def _kernel(driver: Driver, op: str, dtype: str) -> Any:
    program = Program(driver, text_of(op, dtype))

    def kernel(out: Any, state: Any) -> None:
        count = out.shape.elements
        if count:
            program.launch("draw_form", -(-count // 4), packed_dense(count, [out.address, state.address]))

    kernel.__name__ = op
    return kernel
