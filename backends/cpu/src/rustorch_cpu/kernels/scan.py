"""Along one dim: cumulative sum and stable sort."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import ALL, DTYPES
from rustorch_cpu.kernels.operands import address, around
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_status


def cumsum(out, x, *, dim) -> None:
    """``out[i] = x[0] + ... + x[i]``."""
    status = lib.rt_cumsum(DTYPES[x.dtype.name][0], address(out), address(x), *around(x.shape, dim))
    if status:
        raise_status("cumsum", status)


def sort(out, x, *, dim, descending, stable=True) -> None:
    """Values in order and where they came from; always stable, NaN is the largest."""
    values, indices = out
    status = lib.rt_sort(
        DTYPES[x.dtype.name][0],
        address(values),
        address(indices),
        address(x),
        *around(x.shape, dim),
        descending,
    )
    if status:
        raise_status("sort", status)


def kernels() -> list[Kernel]:
    """Both; sums of half precision and orders of complex numbers are left to the core."""
    return [
        Kernel("cumsum", cumsum, ALL - {"bool", "float16", "bfloat16"}),
        Kernel("sort", sort, ALL - {"complex64", "complex128"}),
    ]
