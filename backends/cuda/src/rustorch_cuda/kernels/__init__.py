"""All kernels, by family, bound to a device's driver."""

from __future__ import annotations

from rustorch.plugins import Kernel
from rustorch_cuda.kernels import elementwise, indexing, matmul, move, random, reduce
from rustorch_cuda.program import Driver

FAMILIES = (move, elementwise, reduce, matmul, indexing, random)


def build(driver: Driver) -> list[Kernel]:
    """Return the kernels of one device."""
    return [kernel for family in FAMILIES for kernel in family.build(driver)]
