"""Layers that grow a tensor at its borders; negative widths cut off instead."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ShapeError
from rustorch.nn.module import Module
from rustorch.ops.padding import pad


class _Pad(Module):
    """One way of padding for one number of spatial dims.  Abstract."""

    ndim: int
    mode: str

    def __init__(self, padding: Any) -> None:
        """Make the layer.

        Args:
            padding: one width for all sides, or (left, right) for the last dim, then the one before, ...
        """
        super().__init__()
        given = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.ndim)
        if len(given) != 2 * self.ndim:
            raise ShapeError(
                f"{type(self).__name__}: padding must be 1 or {2 * self.ndim} integers, got {padding!r}"
            )
        self.padding = given

    def forward(self, input: Any) -> Any:
        """Return the padded `input`."""
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """Return the widths."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Padding with a number.  Abstract."""

    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        """Make the layer; `padding` is one width, or two per dim, and `value` what to add."""
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        """Return the padded `input`."""
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """Return the widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_Pad):
    """Padding with zeros.  Abstract."""

    mode = "constant"


class ConstantPad1d(_ConstantPad):
    """Add a number at both ends of the last dim."""

    ndim = 1


class ConstantPad2d(_ConstantPad):
    """Add a number around the last two dims."""

    ndim = 2


class ConstantPad3d(_ConstantPad):
    """Add a number around the last three dims."""

    ndim = 3


class ZeroPad1d(_ZeroPad):
    """Add zeros at both ends of the last dim."""

    ndim = 1


class ZeroPad2d(_ZeroPad):
    """Add zeros around the last two dims.

    >>> import rustorch
    >>> rustorch.nn.ZeroPad2d((1, 0, 0, 1))(rustorch.ones(1, 1, 1, 2))
    tensor([[[[0., 1., 1.],
              [0., 0., 0.]]]])
    """

    ndim = 2


class ZeroPad3d(_ZeroPad):
    """Add zeros around the last three dims."""

    ndim = 3


class ReflectionPad1d(_Pad):
    """Add the signal mirrored at its ends, which are not repeated."""

    ndim, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Add the plane mirrored at its borders, which are not repeated."""

    ndim, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """Repeat the ends of the signal."""

    ndim, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Repeat the borders of the plane."""

    ndim, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Repeat the borders of the volume."""

    ndim, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Continue the signal from its other end."""

    ndim, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Continue the plane from its other side."""

    ndim, mode = 2, "circular"
