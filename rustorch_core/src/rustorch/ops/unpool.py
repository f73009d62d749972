"""Undoing max pooling, as far as that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.errors import DTypeError, ShapeError
from rustorch.ops.padding import check_tensor, per_dim
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, index

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _unpool(ndim: int, x: Any, indices: Any, numbers: tuple[Any, Any, Any], output_size: Any) -> Any:
    op = f"max_unpool{ndim}d"
    check_tensor(op, x)
    check_tensor(op, indices, "indices")
    if len(x.shape) not in (ndim + 1, ndim + 2) or x.shape != indices.shape:
        raise ShapeError(
            f"{op}: input and indices must have one shape of {ndim + 2} dims ({ndim + 1} unbatched), got "
            f"{tuple(x.shape)} and {tuple(indices.shape)}"
        )
    if indices.dtype is not dtypes.int64:
        raise DTypeError(f"{op}: indices must be int64, got {indices.dtype.name}")
    kernel = per_dim(op, "kernel_size", numbers[0], ndim, 1)
    stride = kernel if numbers[1] is None else per_dim(op, "stride", numbers[1], ndim, 1)
    padding = per_dim(op, "padding", numbers[2], ndim)
    size = [
        (n - 1) * s - 2 * p + k for n, s, p, k in zip(x.shape[-ndim:], stride, padding, kernel, strict=True)
    ]
    if output_size is not None:
        given = (
            per_dim(op, "output_size", output_size, max(len(output_size), 1))
            if isinstance(output_size, (tuple, list))
            else per_dim(op, "output_size", output_size, ndim)
        )
        wanted = list(given)[-ndim:]
        if len(wanted) != ndim or any(abs(w - n) >= s for w, n, s in zip(wanted, size, stride, strict=True)):
            raise ShapeError(
                f"{op}: output_size must differ from {tuple(size)} by less than the stride, got {output_size}"
            )
        size = wanted
    lead = tuple(x.shape[:-ndim])
    plane = 1
    for n in size:
        plane *= n
    flat = x.new_zeros((*lead, plane)).scatter(-1, indices.flatten(-ndim), x.flatten(-ndim))
    return flat.reshape((*lead, *size))


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4), index(2, 3, 4, below=8, unique=True), 2),
        call(array(3, 4), index(3, 4, below=9, unique=True), 3, 2),
    ],
)
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Return zeros with the values of `input` where max pooling found them; see :func:`max_unpool2d`."""
    return _unpool(1, input, indices, (kernel_size, stride, padding), output_size)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 1, 4), index(2, 3, 1, 4, below=16, unique=True), 2),
        call(array(3, 1, 4), index(3, 1, 4, below=18, unique=True), 2, 2, 0, (2, 9)),
    ],
)
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Return zeros with the values of `input` at the places that max pooling found.

    Args:
        input: (N, C, H, W) or (C, H, W), the result of :func:`max_pool2d`.
        indices: int64 of the same shape: flat positions in the plane, from ``return_indices=True``.
        kernel_size: the numbers of that pooling.
        stride: likewise.
        padding: likewise.
        output_size: the size of the planes before the pooling, where stride leaves it open.

    Raises:
        ShapeError, DTypeError, OutOfBoundsError: if operands do not fit or a position lies outside.
    """
    return _unpool(2, input, indices, (kernel_size, stride, padding), output_size)
