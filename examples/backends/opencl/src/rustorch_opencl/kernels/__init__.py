"""All kernels, by family."""

from __future__ import annotations

from rustorch.plugins import Kernel
from rustorch_opencl.kernels import (
    elementwise,
    indexing,
    linalg,
    move,
    norm,
    optimizer,
    random,
    reduce,
    softmax,
)

FAMILIES = (elementwise, move, reduce, linalg, indexing, softmax, norm, random, optimizer)


def all_kernels(dtypes: frozenset[str]) -> list[Kernel]:
    """Return the kernels of all families for the dtypes that a device has."""
    return [
        kernel
        for family in FAMILIES
        for kernel in family.kernels()
        if kernel.dtypes <= dtypes  # each is for one dtype
    ]
