"""Tensors as images: one plane, colours, or a sheet of many."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rustorch.errors import ArgumentError, ShapeError
from rustorch.visualization.values import Array, as_array

#: More images than this are too small to see.
MOST_IMAGES = 64


def planes_of(name: str, data: Any) -> tuple[Array, int]:
    """Return a stack of images, (N, H, W) or (N, H, W, 3 or 4), and how many there were.

    (H, W) is one image; (C, H, W) is one image if C is 1, 3 or 4, else one plane per channel; so is
    (N, C, H, W) for each of N.
    """
    x = as_array(name, data)
    if not 2 <= x.ndim <= 4:
        raise ShapeError(
            f"{name}: (H, W), (C, H, W) or (N, C, H, W) is required, got shape {x.shape}",
            hint="reshape it, or draw a vector with line_plot or histogram",
        )
    if 0 in x.shape:
        raise ShapeError(f"{name}: an image needs pixels, got shape {x.shape}")
    stack = x.reshape((1,) * (4 - x.ndim) + x.shape)
    channels = stack.shape[1]
    if channels in (3, 4):
        stack = stack.transpose(0, 2, 3, 1)
    elif channels == 1 or len(stack) == 1:
        stack = stack.reshape(-1, *stack.shape[2:])
    else:
        raise ShapeError(
            f"{name}: a stack of images needs 1, 3 or 4 channels, got shape {x.shape}", hint="draw one, x[0]"
        )
    return stack[:MOST_IMAGES], len(stack)


def sheet_of(stack: Array) -> Array:
    """Return one picture with the images side by side, NaN between them."""
    if len(stack) == 1:
        return stack[0]  # type: ignore[no-any-return]
    count, height, width = stack.shape[:3]
    # as square as the images allow
    columns = min(count, max(1, math.ceil(math.sqrt(count * height / width))))
    rows = math.ceil(count / columns)
    gap = max(1, round(0.05 * max(height, width)))
    sheet = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, *stack.shape[3:]), np.nan, np.float64
    )
    for i, image in enumerate(stack):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def colours_of(picture: Array, dtype: np.dtype[Any]) -> tuple[Array, str]:
    """Return colours in [0, 1] and a note if they had to be scaled: bytes are 0 to 255, floats 0 to 1."""
    values = picture.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    note = ""
    if dtype == np.uint8:
        values /= 255
    elif low < 0 or high > 1:
        values = (values - low) / ((high - low) or 1.0)
        note = f"colours scaled from [{low:.3g}, {high:.3g}]"
    return np.nan_to_num(values, nan=1.0, posinf=1.0, neginf=0.0), note


def draw_image(axes: Any, name: str, data: Any, title: str | None, colormap: str) -> None:
    """Draw a tensor of two to four dims as an image, with a scale beside it if it has one value per pixel."""
    from matplotlib import colormaps

    if colormap not in colormaps:
        raise ArgumentError(
            f"{name}: colormap must be one of matplotlib's, such as 'viridis' or 'gray', got {colormap!r}"
        )
    stack, count = planes_of(name, data)
    sheet = sheet_of(stack)
    notes = [f"first {len(stack)} of {count}"] if count > len(stack) else []
    if sheet.ndim == 3:
        sheet, note = colours_of(sheet, stack.dtype)
        notes += [note] if note else []
        axes.imshow(sheet, interpolation="nearest")
    else:
        values = np.ma.masked_invalid(sheet.astype(np.float64))
        drawn = axes.imshow(values, cmap=colormap, interpolation="nearest")
        axes.figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03)
    axes.grid(visible=False)
    if len(stack) > 1:
        axes.set_axis_off()
    else:
        axes.spines[:].set_visible(True)
        _whole_pixels(axes, *sheet.shape[:2])
    lines = [title] if title else []
    lines += [f"({', '.join(notes)})"] if notes else []
    if lines:
        axes.set_title("\n".join(lines))


def _whole_pixels(axes: Any, height: int, width: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for axis, size in ((axes.xaxis, width), (axes.yaxis, height)):
        axis.set_major_locator(MaxNLocator(nbins=min(8, size), integer=True, min_n_ticks=1))
