"""All kernels of the reference backend, by family."""

from rustorch_reference.kernels import (
    binary,
    compare,
    indexing,
    linalg,
    move,
    random,
    reduce,
    select,
    unary,
)

FAMILIES = (move, unary, binary, compare, select, reduce, linalg, indexing, random)
KERNELS = [kernel for family in FAMILIES for kernel in family.KERNELS]
