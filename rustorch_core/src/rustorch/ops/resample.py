"""Changing the resolution of planes, and moving between windows, channels and positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch.dtypes import FLOAT
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.conv import output_size as places
from rustorch.ops.movement import windows
from rustorch.ops.padding import MAX_SIZE, box, check_tensor, grown, per_dim, placed
from rustorch.ops.pools import adaptive_avg_pool1d, adaptive_avg_pool2d
from rustorch.ops.public import public
from rustorch.ops.samples import array, call

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

#: mode -> number of spatial dims it is for (0: any)
_MODES = {
    "nearest": 0,
    "nearest-exact": 0,
    "area": 0,
    "linear": 1,
    "bilinear": 2,
    "trilinear": 3,
    "bicubic": 2,
}
_CUBIC = -0.75  # the coefficient of Keys' kernel that PyTorch and OpenCV use


def _ratio(size: int, target: int, scale: float | None, *, align: bool) -> float:
    """Return the distance, in the input, of neighbouring elements of the result."""
    if align:
        return (size - 1) / (target - 1) if target > 1 else 0.0
    return 1 / scale if scale else size / target


def _nearest(size: int, target: int, scale: float | None, *, exact: bool) -> list[int]:
    # PyTorch computes these positions in float32, whatever the dtype; ties must fall the same way
    ratio = np.float32(_ratio(size, target, scale, align=False))
    positions = (
        (np.arange(target) + 0.5) * float(ratio) if exact else np.arange(target, dtype=np.float32) * ratio
    )
    return np.minimum(positions.astype(np.int64), size - 1).tolist()


def _taps(
    size: int, target: int, scale: float | None, *, align: bool, cubic: bool
) -> list[tuple[list[int], list[float]]]:
    """Return, per tap, which elements each element of the result is made of, and with what weights."""
    ratio = _ratio(size, target, scale, align=align)
    centres = [i * ratio if align else (i + 0.5) * ratio - 0.5 for i in range(target)]
    if not cubic:
        centres = [max(c, 0.0) for c in centres]
        low = [min(int(c), size - 1) for c in centres]
        rest = [min(max(c - i, 0.0), 1.0) for c, i in zip(centres, low, strict=True)]
        return [(low, [1 - r for r in rest]), ([min(i + 1, size - 1) for i in low], rest)]
    low = [math.floor(c) for c in centres]
    rest = [c - i for c, i in zip(centres, low, strict=True)]
    return [
        ([min(max(i + k, 0), size - 1) for i in low], [_keys(r - k) for r in rest]) for k in (-1, 0, 1, 2)
    ]


def _keys(t: float) -> float:
    """Return Keys' cubic kernel ("Cubic convolution interpolation", 1981) at distance t."""
    t, a = abs(t), _CUBIC
    if t <= 1:
        return ((a + 2) * t - (a + 3)) * t * t + 1
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a if t < 2 else 0.0


def _blended(x: Any, dim: int, taps: list[tuple[list[int], list[float]]]) -> Any:
    shape = [1] * len(x.shape)
    shape[dim] = -1
    total = None
    for picks, weights in taps:
        part = x.index_select(dim, x.new_tensor(picks, dtype="int64")) * x.new_tensor(weights).reshape(shape)
        total = part if total is None else total + part
    return total


def _targets(
    x: Any, size: Any, scale_factor: Any, *, recompute: bool
) -> tuple[list[int], list[float | None]]:
    """Return the sizes of the result and the scales to use (None: the ratio of the sizes)."""
    ndim = len(x.shape) - 2
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate: give either size or scale_factor")
    if size is not None:
        if recompute:
            raise ArgumentError("interpolate: recompute_scale_factor needs scale_factor, got size")
        return list(per_dim("interpolate", "size", size, ndim, 1)), [None] * ndim
    given = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * ndim
    if len(given) != ndim or not all(isinstance(s, (int, float)) and 0 < s < math.inf for s in given):
        raise ArgumentError(
            f"interpolate: scale_factor must be a positive number or {ndim} of them, got {scale_factor!r}"
        )
    target = [math.floor(n * s) for n, s in zip(x.shape[2:], given, strict=True)]
    if max(target) > MAX_SIZE:
        raise ShapeError(f"interpolate: sizes must be below 2**31, got scale_factor {scale_factor!r}")
    if min(target) < 1:
        raise ShapeError(f"interpolate: the result would be empty, got scale_factor {scale_factor!r}")
    return target, [None] * ndim if recompute else [float(s) for s in given]


@public(
    method=False,
    samples=lambda: [
        call(array(1, 2, 3, 4), (5, 3)),
        call(array(1, 2, 5), scale_factor=1.7),
        call(array(1, 1, 3, 5), scale_factor=(2.0, 0.6), mode="nearest-exact"),
        call(array(2, 1, 5), 8, mode="linear"),
        call(array(1, 2, 3, 4), (6, 3), mode="bilinear"),
        call(array(1, 2, 3, 4), (5, 7), mode="bilinear", align_corners=True),
        call(array(1, 1, 4, 5), scale_factor=1.3, mode="bilinear"),
        call(array(1, 1, 4, 5), (6, 3), mode="bicubic"),
        call(
            array(1, 1, 4, 4),
            scale_factor=1.6,
            mode="bicubic",
            align_corners=True,
            recompute_scale_factor=True,
        ),
        call(array(1, 1, 2, 3, 2), (3, 2, 4), mode="trilinear"),
        call(array(1, 2, 4, 5), (2, 3), mode="area"),
    ],
)
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return signals, planes or volumes in another resolution.

    Args:
        input: (N, C, ...) with one to three spatial dims.
        size: the spatial sizes of the result, an integer or one per dim.
        scale_factor: instead of `size`: its ratio to the input's, a number or one per dim.
        mode: "nearest" (as OpenCV), "nearest-exact" (as Pillow), "area" (averages), "linear" (3 dims),
            "bilinear" or "bicubic" (4 dims), "trilinear" (5 dims).
        align_corners: whether the centres of the corner elements fall together, instead of the corners
            of the planes.
        recompute_scale_factor: use the ratio of the sizes in place of `scale_factor` for the positions.
        antialias: not supported; must be False.

    Raises:
        ArgumentError, ShapeError, DTypeError: if an option does not fit the shape or the mode.

    >>> import rustorch
    >>> rustorch.interpolate(rustorch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    check_tensor("interpolate", input)
    _check(input, mode, align_corners, antialias=antialias)
    target, scales = _targets(input, size, scale_factor, recompute=bool(recompute_scale_factor))
    if mode == "area":
        return _area(input, target)
    result: Any = input
    for dim, (count, scale) in enumerate(zip(target, scales, strict=True), 2):
        n = input.shape[dim]
        if _MODES[mode]:
            taps = _taps(n, count, scale, align=bool(align_corners), cubic=mode == "bicubic")
            result = _blended(result, dim, taps)
        else:
            picks = _nearest(n, count, scale, exact=mode == "nearest-exact")
            result = result.index_select(dim, result.new_tensor(picks, dtype="int64"))
    return result


def _check(input: Tensor, mode: Any, align_corners: Any, *, antialias: bool) -> None:
    """Raise if the options do not fit each other or the input."""
    ndim = len(input.shape) - 2
    if not isinstance(mode, str) or mode not in _MODES:
        raise ArgumentError(f"interpolate: mode must be one of {', '.join(_MODES)}, got {mode!r}")
    if not 1 <= ndim <= 3 or _MODES[mode] not in (0, ndim):
        wanted = _MODES[mode] + 2 if _MODES[mode] else "3 to 5"
        raise ShapeError(
            f"interpolate: mode {mode!r} needs an input of {wanted} dims, got shape {tuple(input.shape)}"
        )
    if antialias:
        raise ArgumentError("interpolate: antialias is not supported", hint='use mode="area" to shrink')
    if align_corners is not None and not _MODES[mode]:
        raise ArgumentError(f"interpolate: align_corners is for linear and cubic modes, got mode {mode!r}")
    if input.dtype.category < FLOAT and mode not in ("nearest", "nearest-exact"):
        raise DTypeError(f"interpolate: mode {mode!r} needs a floating-point dtype, got {input.dtype.name}")
    if 0 in input.shape[1:]:
        raise ShapeError(
            f"interpolate: channels and spatial dims must not be empty, got shape {tuple(input.shape)}"
        )


def _area(x: Any, target: Sequence[int]) -> Any:
    if len(target) == 1:
        return adaptive_avg_pool1d(x, target)
    if len(target) == 2:
        return adaptive_avg_pool2d(x, target)
    raise ShapeError(f"interpolate: mode 'area' needs an input of 3 or 4 dims, got shape {tuple(x.shape)}")


# -- windows as columns ------------------------------------------------------------------------------


def _geometry(op: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple[int, ...]]:
    return [
        per_dim(op, "kernel_size", kernel_size, 2, 1),
        per_dim(op, "stride", stride, 2, 1),
        per_dim(op, "padding", padding, 2),
        per_dim(op, "dilation", dilation, 2, 1),
    ]


def _counted(op: str, plane: Sequence[int], geometry: list[tuple[int, ...]]) -> list[int]:
    count = [places(*sizes) for sizes in zip(plane, *geometry, strict=True)]
    if min(count) < 1:
        raise ShapeError(
            f"{op}: the window must fit into the padded plane, got {geometry[0]} for {tuple(plane)}"
        )
    return count


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 5), 2),
        call(array(2, 5, 4), (3, 2), (1, 2), (1, 0), (2, 1)),
    ],
)
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Return the windows of planes as columns, also known as im2col.

    Args:
        input: (N, C, H, W) or (C, H, W).
        kernel_size: size of the window; like the other arguments an integer or one per dim.
        dilation: distance of neighbouring elements of a window.
        padding: zeros added on each side.
        stride: distance of neighbouring windows.

    Returns:
        (N, C kh kw, windows) or (C kh kw, windows).
    """
    check_tensor("unfold", input)
    if len(input.shape) not in (3, 4):
        raise ShapeError(f"unfold: the input must have 4 dims (3 unbatched), got shape {tuple(input.shape)}")
    geometry = _geometry("unfold", kernel_size, dilation, padding, stride)
    (kh, kw), (sh, sw), padding, (dh, dw) = geometry
    _counted("unfold", input.shape[-2:], geometry)
    x: Any = input if len(input.shape) == 4 else input.unsqueeze(0)
    seen = windows(windows(grown(x, padding, padding), 2, kh, sh, dh), 3, kw, sw, dw)
    n, c, oh, ow, _, _ = seen.shape
    columns = seen.permute(0, 1, 4, 5, 2, 3).reshape((n, c * kh * kw, oh * ow))
    return columns if len(input.shape) == 4 else columns.squeeze(0)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 12, 12), (4, 5), 2),
        call(array(6, 3), (5, 4), (3, 2), (1, 2), (1, 0), (2, 2)),
    ],
)
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Return planes on which columns are laid as windows and added up: the adjoint of :func:`unfold`.

    Args:
        input: (N, C kh kw, windows) or (C kh kw, windows).
        output_size: (H, W) of the planes.
        kernel_size: size of the window; this and the rest as for :func:`unfold`.
        dilation: distance of neighbouring elements of a window.
        padding: how much of the border is cut off.
        stride: distance of neighbouring windows.

    Returns:
        (N, C, H, W) or (C, H, W).
    """
    check_tensor("fold", input)
    plane = per_dim("fold", "output_size", output_size, 2, 1)
    geometry = _geometry("fold", kernel_size, dilation, padding, stride)
    (kh, kw), strides, border, (dh, dw) = geometry
    oh, ow = _counted("fold", plane, geometry)
    if len(input.shape) not in (2, 3) or input.shape[-2] % (kh * kw) or input.shape[-1] != oh * ow:
        raise ShapeError(
            f"fold: the input must have shape (N, multiple of {kh * kw}, {oh * ow}), got {tuple(input.shape)}"
        )
    x: Any = input if len(input.shape) == 3 else input.unsqueeze(0)
    n, c = x.shape[0], x.shape[1] // (kh * kw)
    parts = x.reshape((n, c, kh, kw, oh, ow))
    whole = (n, c, plane[0] + 2 * border[0], plane[1] + 2 * border[1])
    total: Any = None
    for i in range(kh):
        for j in range(kw):
            part = placed(parts[:, :, i, j], whole, (0, 0, i * dh, j * dw), (1, 1, *strides))
            total = part if total is None else total + part
    result = box(total, (0, 0, *border), (n, c, *plane))
    return result if len(input.shape) == 3 else result.squeeze(0)


# -- channels as positions ---------------------------------------------------------------------------


def _factor(op: str, value: Any) -> int:
    return per_dim(op, "the factor", value, 1, 1)[0]


@public(method=False, samples=lambda: [call(array(2, 8, 2, 3), 2), call(array(9, 1, 2), 3)])
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return (..., C r^2, H, W) as (..., C, H r, W r): r^2 channels become the pixels of a square.

    Source: Shi et al., "Real-time single image super-resolution", CVPR 2016.
    """
    check_tensor("pixel_shuffle", input)
    r = _factor("pixel_shuffle", upscale_factor)
    if len(input.shape) < 3 or input.shape[-3] % (r * r):
        raise ShapeError(
            f"pixel_shuffle: the channels must be a multiple of {r * r}, got shape {tuple(input.shape)}"
        )
    *lead, c, h, w = input.shape
    x: Any = input.reshape((-1, c // (r * r), r, r, h, w))
    return x.permute(0, 1, 4, 2, 5, 3).reshape((*lead, c // (r * r), h * r, w * r))


@public(method=False, samples=lambda: [call(array(2, 2, 4, 6), 2), call(array(1, 3, 6), 3)])
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return (..., C, H r, W r) as (..., C r^2, H, W): the inverse of :func:`pixel_shuffle`."""
    check_tensor("pixel_unshuffle", input)
    r = _factor("pixel_unshuffle", downscale_factor)
    if len(input.shape) < 3 or input.shape[-1] % r or input.shape[-2] % r:
        raise ShapeError(
            f"pixel_unshuffle: the last two sizes must be multiples of {r}, got shape {tuple(input.shape)}"
        )
    *lead, c, h, w = input.shape
    x: Any = input.reshape((-1, c, h // r, r, w // r, r))
    return x.permute(0, 1, 3, 5, 2, 4).reshape((*lead, c * r * r, h // r, w // r))
