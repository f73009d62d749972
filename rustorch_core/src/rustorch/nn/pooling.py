"""Pooling layers; the functions of the same names in :mod:`rustorch` say what they compute."""

from __future__ import annotations

from typing import Any

from rustorch.nn.module import Module
from rustorch.ops import pools, unpool


class _MaxPool(Module):
    """The maximum of windows.  Abstract."""

    op: Any

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        """Make the layer.

        Args:
            kernel_size: size of the window, an integer or one per dim.
            stride: distance of neighbouring windows; the kernel size if None.
            padding: a border of minus infinity on each side.
            dilation: distance of neighbouring elements of a window.
            return_indices: return the pair (values, flat positions).
            ceil_mode: also count a last window that fits only in part.
        """
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        """Return the maxima, or the pair (maxima, positions)."""
        return type(self).op(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        """Return the numbers."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of every window: (N, C, L) or (C, L) to (N, C, L') or (C, L')."""

    op = pools.max_pool1d


class MaxPool2d(_MaxPool):
    """The maximum of every window: (N, C, H, W) or (C, H, W) to the same with H', W'.

    >>> import rustorch
    >>> tuple(rustorch.nn.MaxPool2d(2)(rustorch.ones(1, 3, 8, 8)).shape)
    (1, 3, 4, 4)
    """

    op = pools.max_pool2d


class AvgPool1d(Module):
    """The average of every window: (N, C, L) or (C, L) to (N, C, L') or (C, L')."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        """Make the layer; see :func:`rustorch.avg_pool2d` for the arguments."""
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        """Return the averages."""
        return pools.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        """Return the numbers."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The average of every window: (N, C, H, W) or (C, H, W) to the same with H', W'."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        """Make the layer; see :func:`rustorch.avg_pool2d` for the arguments."""
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Any:
        """Return the averages."""
        return pools.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Return the numbers."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Adaptive(Module):
    """Windows that give a result of a chosen size.  Abstract."""

    op: Any

    def __init__(self, output_size: Any) -> None:
        """Make the layer.

        Args:
            output_size: the number of windows, an integer or one per dim; None keeps the size.
        """
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        """Return what the windows hold."""
        return type(self).op(input, self.output_size)

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The averages of `output_size` windows: (N, C, L) to (N, C, output_size)."""

    op = pools.adaptive_avg_pool1d


class AdaptiveAvgPool2d(_Adaptive):
    """The averages of windows that cover the plane: (N, C, H, W) to (N, C, *output_size)."""

    op = pools.adaptive_avg_pool2d


class _AdaptiveMax(_Adaptive):
    """As `_Adaptive`, with positions.  Abstract."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        """Make the layer; with `return_indices` the result is the pair (values, flat positions)."""
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        """Return the maxima, or the pair (maxima, positions)."""
        return type(self).op(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The maxima of `output_size` windows: (N, C, L) to (N, C, output_size)."""

    op = pools.adaptive_max_pool1d


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The maxima of windows that cover the plane: (N, C, H, W) to (N, C, *output_size)."""

    op = pools.adaptive_max_pool2d


class _MaxUnpool(Module):
    """The inverse of max pooling, as far as there is one.  Abstract."""

    op: Any

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        """Make the layer with the numbers of the pooling that it undoes."""
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """Return zeros with the values where the pooling found them."""
        return type(self).op(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Return the numbers."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Put maxima back where `MaxPool1d` with ``return_indices=True`` found them, zeros elsewhere."""

    op = unpool.max_unpool1d


class MaxUnpool2d(_MaxUnpool):
    """Put maxima back where `MaxPool2d` with ``return_indices=True`` found them, zeros elsewhere."""

    op = unpool.max_unpool2d
