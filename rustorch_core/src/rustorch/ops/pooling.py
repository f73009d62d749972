"""Pooling of planes: the ops, their gradients, and what they are made of."""

from __future__ import annotations

from typing import Any

from rustorch import dtypes
from rustorch.dtypes import FLOAT, DType
from rustorch.ops.conv import overlap_add
from rustorch.ops.movement import windows
from rustorch.ops.padding import box, grown
from rustorch.ops.select import where
from rustorch.ops.sized import Sized
from rustorch.shape import Shape

Pair = tuple[int, int]


def _windows(x: Any, size: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, fill: Any) -> Any:
    """Return the windows (N, C, OH, OW, kh, kw) of planes with a border of `fill`.

    The border reaches as far as the last window, which ceil_mode may have put beyond the padding.
    """
    reach = [
        (n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(size[2:], stride, dilation, kernel, strict=True)
    ]
    after = [r - n - p for r, n, p in zip(reach, x.shape[2:], padding, strict=True)]
    if fill:
        inside = [min(n, r - p) for n, r, p in zip(x.shape[2:], reach, padding, strict=True)]
        whole = x.new_full((*x.shape[:2], *reach), fill)
        box(whole, (0, 0, *padding), (*x.shape[:2], *inside)).copy_(box(x, (0,) * 4, (*x.shape[:2], *inside)))
    else:
        whole = grown(x, padding, after)
    return windows(windows(whole, 2, kernel[0], stride[0], dilation[0]), 3, kernel[1], stride[1], dilation[1])


# -- maximum -----------------------------------------------------------------------------------------


def _max_pool2d(
    out: Any, _found: Any, x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Any:
    """The maximum of each window, and its flat position in the plane."""
    lowest = float("-inf") if x.dtype.category >= FLOAT else _least(x.dtype)
    seen = _windows(x, out.shape, kernel_size, stride, padding, dilation, lowest).flatten(-2)
    best = _best(seen)
    values = seen.gather(-1, best).squeeze(-1)
    best = best.squeeze(-1)
    row = best.floor_divide(kernel_size[1])
    taps = (row, best - row * kernel_size[1])
    rows, columns = (
        _position(x, tap, axis, stride[axis], padding[axis], dilation[axis]) for axis, tap in enumerate(taps)
    )
    return values, rows * x.shape[3] + columns


def _best(seen: Any) -> Any:
    """Return the tap of each window's maximum: the first one, but the last of several NaN, as in PyTorch."""
    best = seen.argmax(-1, True)
    if seen.dtype.category < FLOAT:
        return best
    nan = seen.isnan().to(dtypes.int64)
    last = (nan * (seen.new_arange(seen.shape[-1]) + 1)).argmax(-1, True)
    return where(nan.amax(-1, True) > 0, last, best)


def _least(dtype: DType) -> int:
    if dtype.category < dtypes.INT:
        return 0
    return -(1 << (8 * dtype.itemsize - 1)) if dtype.is_signed else 0


def _position(x: Any, tap: Any, axis: int, stride: int, padding: int, dilation: int) -> Any:
    """Return the row (axis 0) or column (axis 1) that a tap of each window looks at."""
    shape = (-1, 1) if axis == 0 else (-1,)
    start = (x.new_arange(tap.shape[2 + axis]) * stride - padding).reshape(shape)
    # where all is -inf, the first element of the window may lie in the border: take the first one inside
    first = (-start).clamp(min=0).add(dilation - 1).floor_divide(dilation)
    return start + tap.maximum(first) * dilation


def _max_pool2d_backward(out: Any, g: Any, indices: Any) -> Any:
    """Send the gradient of each maximum to where it was found."""
    flat = g.new_zeros((*out.shape[:2], out.shape[2] * out.shape[3]))
    return flat.scatter_add(2, indices.flatten(2), g.flatten(2)).reshape(out.shape)


max_pool2d_op = Sized(
    "max_pool2d",
    lambda x, *, size, **_: [(Shape(size), x.dtype), (Shape(size), dtypes.int64)],
    decomposition=_max_pool2d,
    partner="max_pool2d_backward",
    non_differentiable=(1,),
    unused_results=(0,),
)
max_pool2d_backward = Sized(
    "max_pool2d_backward",
    lambda g, indices, *, size: (Shape(size), g.dtype),
    decomposition=_max_pool2d_backward,
    partner="max_pool2d",
)
max_pool2d_op.vjp(lambda g, out, _x, **_: max_pool2d_backward(g[0], out[1], size=_x.shape))
max_pool2d_backward.vjp(
    lambda h, _out, _g, indices, *, size: h.flatten(2).gather(2, indices.flatten(2)).reshape(_g.shape), None
)


# -- average -----------------------------------------------------------------------------------------


def _counts(
    size: int, places: int, kernel: int, stride: int, padding: int, *, count_border: bool
) -> list[int]:
    """Return how many elements each window counts along one dim."""
    result = []
    for place in range(places):
        start = place * stride - padding
        end = min(start + kernel, size + padding)
        result.append(end - start if count_border else min(end, size) - max(start, 0))
    return result


def _divisor(
    x: Any,
    plane: Any,
    places: Any,
    *,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Return what the sum of each window is divided by: a number, or a tensor (OH, OW)."""
    if divisor_override is not None:
        return divisor_override
    rows, columns = (
        _counts(*sizes, count_border=count_include_pad)
        for sizes in zip(plane, places, kernel_size, stride, padding, strict=True)
    )
    if len({*rows}) == len({*columns}) == 1:
        return rows[0] * columns[0]
    return x.new_tensor(rows).unsqueeze(1) * x.new_tensor(columns)


def _avg_pool2d(out: Any, x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, **how: Any) -> Any:
    """The average of each window."""
    seen = _windows(x, out.shape, kernel_size, stride, padding, (1, 1), 0)
    by = _divisor(
        x, x.shape[2:], out.shape[2:], kernel_size=kernel_size, stride=stride, padding=padding, **how
    )
    return seen.sum((-2, -1)) / by


def _avg_pool2d_backward(
    out: Any, g: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, **how: Any
) -> Any:
    """Share the gradient of each average among its window."""
    by = _divisor(
        g, out.shape[2:], g.shape[2:], kernel_size=kernel_size, stride=stride, padding=padding, **how
    )
    parts = (g / by).reshape((*g.shape, 1, 1)).expand((*g.shape, *kernel_size))
    return overlap_add(parts, out.shape[2:], stride, padding, (1, 1))


avg_pool2d_op = Sized(
    "avg_pool2d",
    lambda x, *, size, **_: (Shape(size), x.dtype),
    decomposition=_avg_pool2d,
    partner="avg_pool2d_backward",
)
avg_pool2d_backward = Sized(
    "avg_pool2d_backward",
    lambda g, *, size, **_: (Shape(size), g.dtype),
    decomposition=_avg_pool2d_backward,
    partner="avg_pool2d",
)
avg_pool2d_op.vjp(lambda g, _out, _x, *, size, **how: avg_pool2d_backward(g, size=_x.shape, **how))
avg_pool2d_backward.vjp(lambda h, _out, _g, *, size, **how: avg_pool2d_op(h, size=_g.shape, **how))
