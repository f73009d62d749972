"""Transforms of the picture's size and orientation, for tensors and arrays of shape (..., H, W).

Random ones draw from RusTorch's default generator: reproducible from ``manual_seed``, and different
in every worker of a loader.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rustorch.data import host_random
from rustorch.data.transforms import arrays
from rustorch.data.transforms.values import as_real, scaled_back
from rustorch.errors import ArgumentError, ShapeError

_MODES = ("constant", "edge", "reflect", "symmetric")


class Resize:
    """Resizes images, as ``interpolate(align_corners=False, antialias=False)`` does.

    Args:
        size: (height, width), or one integer for the shorter side, the other in proportion.
        interpolation: "bilinear" or "nearest".

    >>> import rustorch
    >>> from rustorch.data.transforms import Resize
    >>> Resize((1, 4))(rustorch.tensor([[0.0, 1.0]]))
    tensor([[0.0000, 0.2500, 0.7500, 1.0000]])
    """

    def __init__(self, size: Any, interpolation: str = "bilinear") -> None:
        arrays.sizes_of("Resize", size)
        self.size = size
        self.interpolation = str(getattr(interpolation, "value", interpolation))
        if self.interpolation not in ("bilinear", "nearest"):
            raise ArgumentError(
                f"Resize: interpolation must be 'bilinear' or 'nearest', got {interpolation!r}"
            )

    def __call__(self, x: Any) -> Any:
        """Return the image in the new size, in its own dtype."""
        arrays.checked_image("Resize", x)
        for dim, size in zip((-2, -1), self._target(*x.shape[-2:]), strict=True):
            if x.shape[dim] != size:
                resized = _nearest if self.interpolation == "nearest" else _bilinear
                x = resized(x, dim, size)
        return x

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if 0 in (height, width):
            raise ShapeError(f"Resize: an empty image cannot be resized, got {height} x {width}")
        pair = self.size if isinstance(self.size, (list, tuple)) else [self.size]
        if len(pair) == 2:
            return arrays.sizes_of("Resize", self.size)
        short = int(pair[0])
        if height <= width:
            return short, int(short * width / height)
        return int(short * height / width), short

    def __repr__(self) -> str:
        return f"Resize({self.size}, interpolation={self.interpolation!r})"


def _nearest(x: Any, dim: int, size: int) -> Any:
    have = x.shape[dim]
    # float32, as PyTorch computes it: rounding decides between neighbours
    at = np.floor(np.arange(size, dtype=np.float32) * np.float32(have / size)).astype(np.int64)
    return arrays.take(x, np.minimum(at, have - 1), dim)


def _bilinear(x: Any, dim: int, size: int) -> Any:
    """Return x with one dim resized linearly: each result lies between the two nearest sources."""
    real = as_real(x)
    have = x.shape[dim]
    at = np.clip((np.arange(size) + 0.5) * (have / size) - 0.5, 0, have - 1)
    low = np.floor(at).astype(np.int64)
    weight = arrays.like((at - low).reshape((-1, 1) if dim == -2 else (-1,)), real)
    left, right = arrays.take(real, low, dim), arrays.take(real, np.minimum(low + 1, have - 1), dim)
    result = left * (1 - weight) + right * weight
    return result if real is x else scaled_back(result, x.dtype)


class Pad:
    """Puts a border around images.

    Args:
        padding: one number for all sides, (left/right, top/bottom), or (left, top, right, bottom).
        fill: the border's value for "constant".
        padding_mode: "constant", "edge", "reflect" or "symmetric".
    """

    def __init__(self, padding: Any, fill: float = 0, padding_mode: str = "constant") -> None:
        self.padding = _sides("Pad", padding)
        self.fill = fill
        self.padding_mode = _checked_mode("Pad", padding_mode)

    def __call__(self, x: Any) -> Any:
        """Return the larger image."""
        return arrays.pad(arrays.checked_image("Pad", x), *self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad({self.padding}, fill={self.fill}, padding_mode={self.padding_mode!r})"


class CenterCrop:
    """Cuts out the middle; images that are smaller get a border of zeros first."""

    def __init__(self, size: Any) -> None:
        self.size = arrays.sizes_of("CenterCrop", size)

    def __call__(self, x: Any) -> Any:
        """Return the middle of the image."""
        height, width = self.size
        arrays.checked_image("CenterCrop", x)
        down, across = max(height - x.shape[-2], 0), max(width - x.shape[-1], 0)
        x = arrays.pad(x, across // 2, down // 2, (across + 1) // 2, (down + 1) // 2, 0, "constant")
        # Python's round, as torchvision has it: halves go to the even side
        return arrays.crop(
            x, round((x.shape[-2] - height) / 2), round((x.shape[-1] - width) / 2), height, width
        )

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class RandomCrop:
    """Cuts out a part at a random place.

    Args:
        size: (height, width), or one integer for both.
        padding: a border to add first, as in :class:`Pad`.
        pad_if_needed: also grow images that are smaller than `size`.
        fill: the border's value for "constant".
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    Raises:
        ShapeError: if the image is smaller than `size`.
    """

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = arrays.sizes_of("RandomCrop", size)
        self.padding = None if padding is None else _sides("RandomCrop", padding)
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = _checked_mode("RandomCrop", padding_mode)

    def __call__(self, x: Any) -> Any:
        """Return a part of the image."""
        arrays.checked_image("RandomCrop", x)
        height, width = self.size
        if self.padding is not None:
            x = arrays.pad(x, *self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            across, down = max(width - x.shape[-1], 0), max(height - x.shape[-2], 0)
            x = arrays.pad(x, across, down, across, down, self.fill, self.padding_mode)
        rows, columns = x.shape[-2] - height, x.shape[-1] - width
        if rows < 0 or columns < 0:
            raise ShapeError(
                f"RandomCrop: the image must not be smaller than {self.size}, got {tuple(x.shape[-2:])}",
                hint="pass pad_if_needed=True, or put Resize first",
            )
        at: npt.NDArray[np.float64] = host_random.uniform(2)
        return arrays.crop(x, int(at[0] * (rows + 1)), int(at[1] * (columns + 1)), height, width)

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding})"


class _RandomFlip:
    _dim: int

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ArgumentError(f"{type(self).__name__}: p must be between 0 and 1, got {p}")
        self.p = p

    def __call__(self, x: Any) -> Any:
        """Return the image or its mirror image."""
        arrays.checked_image(type(self).__name__, x)
        return arrays.flip(x, self._dim) if host_random.uniform(1)[0] < self.p else x

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Swaps left and right with probability `p`."""

    _dim = -1


class RandomVerticalFlip(_RandomFlip):
    """Swaps top and bottom with probability `p`."""

    _dim = -2


def _sides(op: str, padding: Any) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom)."""
    given = list(padding) if isinstance(padding, (list, tuple)) else [padding]
    if len(given) not in (1, 2, 4) or any(not isinstance(n, (int, np.integer)) or n < 0 for n in given):
        raise ArgumentError(
            f"{op}: padding must be 1, 2 or 4 integers that are not negative, got {padding!r}"
        )
    left, top, right, bottom = (given * 4)[:4]
    return int(left), int(top), int(right), int(bottom)


def _checked_mode(op: str, mode: str) -> str:
    if mode not in _MODES:
        raise ArgumentError(f"{op}: padding_mode must be one of {', '.join(_MODES)}, got {mode!r}")
    return mode
