"""The poolings that users call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.dtypes import FLOAT
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.joining import cat
from rustorch.ops.padding import check_tensor, per_dim
from rustorch.ops.pooling import avg_pool2d_op, max_pool2d_op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Sizes = tuple[int, ...]


def _planes(op: str, x: Any, ndim: int) -> Any:
    """Return the input as (N, C, H, W); signals become planes of one row."""
    check_tensor(op, x)
    if len(x.shape) not in (ndim + 1, ndim + 2):
        raise ShapeError(
            f"{op}: the input must have {ndim + 2} dims ({ndim + 1} unbatched), got shape {tuple(x.shape)}"
        )
    if len(x.shape) == ndim + 1:
        x = x.unsqueeze(0)
    return x if ndim == 2 else x.unsqueeze(2)


def _restored(y: Any, x: Any, ndim: int) -> Any:
    """Undo `_planes` on a result."""
    if ndim == 1:
        y = y.squeeze(2)
    return y if len(x.shape) == ndim + 2 else y.squeeze(0)


def _places(op: str, size: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil: bool) -> int:
    """Return the number of windows along one dim."""
    if 2 * padding > kernel:
        raise ArgumentError(
            f"{op}: padding must be at most half of the kernel size, got {padding} for {kernel}"
        )
    rest = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-rest // stride) if ceil else rest // stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # the last window would begin in the padding on the right
    if count < 1:
        span = dilation * (kernel - 1) + 1
        raise ShapeError(
            f"{op}: the window must fit into the padded input, got {span} for {size + 2 * padding}"
        )
    return count


def _numbers(op: str, ndim: int, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> list[Any]:
    """Return kernel, stride, padding and dilation as pairs."""
    kernel = per_dim(op, "kernel_size", kernel, ndim, 1)
    stride = (
        kernel
        if stride is None or (isinstance(stride, tuple) and not stride)
        else per_dim(op, "stride", stride, ndim, 1)
    )
    padding, dilation = per_dim(op, "padding", padding, ndim), per_dim(op, "dilation", dilation, ndim, 1)
    if ndim == 2:
        return [kernel, stride, padding, dilation]
    return [(1, *kernel), (1, *stride), (0, *padding), (1, *dilation)]


def _max_pool(ndim: int, x: Any, numbers: tuple[Any, ...], *, ceil: bool, indices: bool) -> Any:
    op = f"max_pool{ndim}d"
    planes = _planes(op, x, ndim)
    kernel, stride, padding, dilation = _numbers(op, ndim, *numbers)
    size = [
        _places(op, *sizes, ceil=ceil)
        for sizes in zip(planes.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    values, found = max_pool2d_op(
        planes,
        size=(*planes.shape[:2], *size),
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    values = _restored(values, x, ndim)
    return (values, _restored(found, x, ndim)) if indices else values


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 8, distinct=True), 2),
        call(array(3, 9, distinct=True), 3, 2, 1, 2, True, True),
        call(array(1, 2, 7, distinct=True), 3, 2, ceil_mode=True),
    ],
)
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of every window of signals (N, C, L) or (C, L); see :func:`max_pool2d`."""
    return _max_pool(
        1, input, (kernel_size, stride, padding, dilation), ceil=ceil_mode, indices=return_indices
    )


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 6, distinct=True), 2),
        call(array(3, 5, 6, distinct=True), 3, 2, 1, 1, True, True),
        call(array(1, 2, 7, 8, distinct=True), (3, 2), (2, 1), (1, 0), (2, 3)),
        call(array(1, 2, 5, 5, distinct=True), 2, ceil_mode=True, return_indices=True),
        call(array(0, 2, 4, 4), 2),
    ],
)
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of every window of planes; the first one takes the gradient where several are equal.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        kernel_size: size of the window, an integer or one per dim.
        stride: distance of neighbouring windows; the kernel size if None.
        padding: a border of minus infinity on each side, at most half of the kernel size.
        dilation: distance of neighbouring elements of a window.
        ceil_mode: also count a last window that fits only in part.
        return_indices: return the pair (values, int64 flat positions in the plane).

    Returns:
        (N, C, H', W') with H' = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1.

    Raises:
        ShapeError, ArgumentError: if the numbers do not fit the shape.

    >>> import rustorch
    >>> rustorch.max_pool2d(rustorch.tensor([[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 1.0, 7.0]]]), 2)
    tensor([[[5., 7.]]])
    """
    return _max_pool(
        2, input, (kernel_size, stride, padding, dilation), ceil=ceil_mode, indices=return_indices
    )


def _avg_pool(
    ndim: int, x: Any, numbers: tuple[Any, ...], *, ceil: bool, include: bool, divisor: int | None
) -> Any:
    op = f"avg_pool{ndim}d"
    planes = _planes(op, x, ndim)
    if x.dtype.category < FLOAT:
        raise DTypeError(f"{op}: a floating-point dtype is required, got {x.dtype.name}")
    if divisor is not None and (not isinstance(divisor, int) or divisor == 0):
        raise ArgumentError(f"{op}: divisor_override must be an integer and not 0, got {divisor!r}")
    kernel, stride, padding, dilation = _numbers(op, ndim, *numbers)
    size = [
        _places(op, *sizes, ceil=ceil)
        for sizes in zip(planes.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    result = avg_pool2d_op(
        planes,
        size=(*planes.shape[:2], *size),
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        count_include_pad=bool(include),
        divisor_override=divisor,
    )
    return _restored(result, x, ndim)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 8), 2),
        call(array(3, 9), 3, 2, 1, True, False),
        call(array(1, 2, 8), 3, 2, 1, True),
    ],
)
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the average of every window of signals (N, C, L) or (C, L); see :func:`avg_pool2d`."""
    numbers = (kernel_size, stride, padding)
    return _avg_pool(1, input, numbers, ceil=ceil_mode, include=count_include_pad, divisor=None)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 6), 2),
        call(array(3, 5, 6), 3, 2, 1, True, False),
        call(array(1, 2, 7, 6), (3, 2), (2, 1), (1, 0), True),
        call(array(1, 2, 5, 5), 2, 2, 1, True, True, 3),
    ],
)
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of every window of planes.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        kernel_size: size of the window, an integer or one per dim.
        stride: distance of neighbouring windows; the kernel size if None.
        padding: a border of zeros on each side, at most half of the kernel size.
        ceil_mode: also count a last window that fits only in part.
        count_include_pad: whether the border counts in the divisor.
        divisor_override: divide by this number instead of the number of elements.

    Returns:
        (N, C, H', W') with H' = (H + 2 padding - kernel_size) // stride + 1.

    Raises:
        ShapeError, ArgumentError, DTypeError: if the numbers do not fit the shape, or for integers.
    """
    numbers = (kernel_size, stride, padding)
    return _avg_pool(2, input, numbers, ceil=ceil_mode, include=count_include_pad, divisor=divisor_override)


# -- to a given size ---------------------------------------------------------------------------------


def _target(op: str, x: Any, output_size: Any, ndim: int) -> Sizes:
    check_tensor(op, x)
    if len(x.shape) not in (ndim + 1, ndim + 2):
        raise ShapeError(
            f"{op}: the input must have {ndim + 2} dims ({ndim + 1} unbatched), got shape {tuple(x.shape)}"
        )
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * ndim
    if len(given) == ndim:
        given = tuple(s if g is None else g for g, s in zip(given, x.shape[-ndim:], strict=True))
    target = per_dim(op, "output_size", given, ndim)
    if 0 in x.shape[-ndim:]:
        raise ShapeError(f"{op}: the pooled dims must not be empty, got shape {tuple(x.shape)}")
    return target


def _parts(size: int, count: int) -> list[tuple[int, int]]:
    """Return (start, length) of `count` windows that cover `size` elements as evenly as possible."""
    starts = [i * size // count for i in range(count)]
    return [(start, -(-(i + 1) * size // count) - start) for i, start in enumerate(starts)]


def _adaptive_avg(op: str, x: Any, output_size: Any, ndim: int) -> Any:
    result = x
    for axis, places in enumerate(_target(op, x, output_size, ndim), -ndim):
        size = x.shape[axis]
        if places == size:
            continue
        if places and size % places == 0:  # windows of one size that do not overlap
            result = result.unflatten(axis, (places, size // places)).mean(axis)
            continue
        if not places:
            result = result.narrow(axis, 0, 0)
            continue
        means = [
            result.narrow(axis, start, length).mean(axis, True) for start, length in _parts(size, places)
        ]
        result = cat(means, axis)
    return result.clone() if result is x else result


@public(
    method=False, samples=lambda: [call(array(2, 3, 8), 4), call(array(3, 7), 3), call(array(1, 2, 3), 5)]
)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of `output_size` windows of signals; see :func:`adaptive_avg_pool2d`."""
    return _adaptive_avg("adaptive_avg_pool1d", input, output_size, 1)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 6), 2),
        call(array(3, 5, 7), (3, 2)),
        call(array(2, 2, 4, 5), 1),
        call(array(1, 2, 4, 5), (None, 3)),
        call(array(1, 2, 4, 6), (2, 3)),
    ],
)
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return the averages of windows that cover planes as evenly as possible.

    Window i of n over H elements goes from floor(i H / n) to ceil((i + 1) H / n).

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        output_size: the number of windows, an integer or one per dim; None keeps the size.

    >>> import rustorch
    >>> rustorch.adaptive_avg_pool2d(rustorch.arange(8.0).reshape(1, 2, 4), (1, 2))
    tensor([[[2.5000, 4.5000]]])
    """
    return _adaptive_avg("adaptive_avg_pool2d", input, output_size, 2)


def _adaptive_max(op: str, x: Any, output_size: Any, ndim: int, *, indices: bool) -> Any:
    target = _target(op, x, output_size, ndim)
    if 0 in target:
        empty = x.new_zeros((*x.shape[:-ndim], *target))
        return (empty, empty.to("int64")) if indices else empty
    values, found = _best(x, target[-1], -1)
    if ndim == 2:
        values, rows = _best(values, target[0], -2)
        found = rows * x.shape[-1] + found.gather(-2, rows)
    return (values, found) if indices else values


def _best(x: Any, places: int, dim: int) -> tuple[Any, Any]:
    """Return the maximum of every window along a dim, and where it is."""
    values, found = [], []
    for start, length in _parts(x.shape[dim], places):
        best = x.narrow(dim, start, length).max(dim, True)
        values.append(best.values)
        found.append(best.indices + start)
    return cat(values, dim), cat(found, dim)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 8, distinct=True), 4),
        call(array(3, 7, distinct=True), 3, return_indices=True),
    ],
)
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the maxima of `output_size` windows of signals; see :func:`adaptive_max_pool2d`."""
    return _adaptive_max("adaptive_max_pool1d", input, output_size, 1, indices=return_indices)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 6, distinct=True), 2),
        call(array(3, 5, 7, distinct=True), (3, 2), return_indices=True),
        call(array(1, 2, 4, 5, distinct=True), (None, 1)),
    ],
)
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return the maxima of windows that cover planes as evenly as possible.

    The windows are those of :func:`adaptive_avg_pool2d`; with `return_indices` the result is the pair
    (values, int64 flat positions in the plane).
    """
    return _adaptive_max("adaptive_max_pool2d", input, output_size, 2, indices=return_indices)
