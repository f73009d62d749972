"""All kernels of this backend, by family."""

from rustorch_torch.kernels import attention, conv, elementwise, indexing, linalg, move, nn, random, reduce

FAMILIES = (move, elementwise, reduce, indexing, linalg, nn, attention, conv, random)
KERNELS = [kernel for family in FAMILIES for kernel in family.KERNELS]
WITHOUT_FLOAT64 = random.WITHOUT_FLOAT64
