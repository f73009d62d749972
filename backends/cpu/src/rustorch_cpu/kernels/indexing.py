"""Elements chosen by integer tensors: gather, scatter, index_select, index_add."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import ALL, DTYPES
from rustorch_cpu.kernels.operands import address, around
from rustorch_cpu.native import lib
from rustorch_cpu.status import raise_index_error, raise_status

MODES = {"set": lib.RT_SCATTER_SET, "add": lib.RT_SCATTER_ADD, "max": lib.RT_SCATTER_MAX}


def _check(op: str, status: int, dim: int) -> None:
    if status == lib.RT_INDEX_OUT_OF_RANGE:
        raise_index_error(op, dim)
    if status:
        raise_status(op, status)


def gather(out, x, index, *, dim) -> None:
    """``out[i, j, k] = x[i, index[i, j, k], k]`` for dim = 1, and likewise for other dims."""
    shape, strides = index.shape or (1,), x.strides or (1,)
    size = (x.shape or (1,))[dim]
    status = lib.rt_gather(
        x.dtype.itemsize, address(out), address(x), address(index), dim, size, len(shape), (*shape, *strides)
    )
    _check("gather", status, dim)


def scatter(out, index, src, *, dim, mode) -> None:
    """``out[i, index[i, j, k], k] (=, +=, max=) src[i, j, k]`` for dim = 1, and likewise for other dims."""
    shape = index.shape or (1,)
    dims = (*shape, *(out.strides or (1,)), *(src.strides or (1,)))
    size = (out.shape or (1,))[dim]
    status = lib.rt_scatter(
        MODES[mode],
        DTYPES[out.dtype.name][0],
        address(out),
        address(index),
        address(src),
        dim,
        size,
        len(shape),
        dims,
    )
    _check("scatter", status, dim)


def index_select(out, x, index, *, dim) -> None:
    """Slices of x along `dim`, in the order of the indices."""
    outer, n, inner = around(x.shape, dim)
    status = lib.rt_index_select(
        x.dtype.itemsize, address(out), address(x), address(index), outer, n, inner, index.shape.elements
    )
    _check("index_select", status, dim)


def index_add(out, index, src, *, dim) -> None:
    """Add slices of src to the slices of out that the indices name."""
    outer, n, inner = around(out.shape, dim)
    status = lib.rt_index_add(
        DTYPES[out.dtype.name][0],
        address(out),
        address(index),
        address(src),
        outer,
        n,
        inner,
        index.shape.elements,
    )
    _check("index_add", status, dim)


def kernels() -> list[Kernel]:
    """All of them, for every dtype."""
    return [Kernel(fn.__name__, fn, ALL) for fn in (gather, scatter, index_select, index_add)]
