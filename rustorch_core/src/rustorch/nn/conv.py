"""Convolutions."""

from __future__ import annotations

import math
from typing import Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.nn import init
from rustorch.nn.checks import require_positive
from rustorch.nn.lazy import LazyModuleMixin
from rustorch.nn.linear import require_sizes
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter, UninitializedParameter
from rustorch.ops.convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d
from rustorch.ops.creation import empty
from rustorch.ops.padding import check_tensor, pad, per_dim

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What all convolutions share: their numbers and their parameters.  Abstract."""

    ndim: int  # number of spatial dims
    transposed = False
    output_padding: tuple[int, ...]
    padding: Any  # a tuple of integers, "same" or "valid"
    bias: Any  # a parameter or None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer.

        Args:
            in_channels: channels of the input.
            out_channels: channels of the result.
            kernel_size: size of the kernel; like the following an integer or one per spatial dim.
            stride: distance of neighbouring windows.
            padding: how much is added on each side, or "same" or "valid".
            dilation: distance of neighbouring taps of the kernel.
            groups: the channels fall into so many groups that do not see one another.
            bias: whether to add one.
            padding_mode: what is added: "zeros", "reflect", "replicate" or "circular".
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        self._set(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self.weight = Parameter(empty(self._weight_shape(), dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_channels, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _set(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        padding_mode: str,
    ) -> None:
        """Check and keep the numbers; `in_channels` is 0 while it is not known."""
        name, ndim = type(self).__name__, self.ndim
        require_sizes(name, in_channels=in_channels)
        require_positive(name, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{name}: groups must divide the channels, got {groups}, {in_channels}, {out_channels}"
            )
        if padding_mode not in _PADDING_MODES:
            raise ArgumentError(f"{name}: padding_mode must be one of {_PADDING_MODES}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dim(name, "kernel_size", kernel_size, ndim, 1)
        self.stride = per_dim(name, "stride", stride, ndim, 1)
        self.dilation = per_dim(name, "dilation", dilation, ndim, 1)
        self.groups = groups
        self.padding_mode = padding_mode
        self.output_padding = (0,) * ndim
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ArgumentError(f"{name}: padding must be 'same', 'valid' or integers, got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ArgumentError(f"{name}: padding='same' needs a stride of 1, got {self.stride}")
        self.padding = padding if isinstance(padding, str) else per_dim(name, "padding", padding, ndim)

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, uniform in ±1/sqrt(fan_in)."""
        fan_in = self.weight.shape[1] * math.prod(self.kernel_size)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Return the numbers that are not the default."""
        ndim = self.ndim
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * ndim:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * ndim:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * ndim:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"

    def _bordered(self, input: Any) -> tuple[Any, Any]:
        """Return the input with a border that is not of zeros, and the padding left to the op."""
        if self.padding_mode == "zeros":
            return input, self.padding
        widths: list[int] = []
        for axis in reversed(range(self.ndim)):
            if self.padding == "valid":
                widths += [0, 0]
            elif self.padding == "same":
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[axis]] * 2
        return pad(input, widths, mode=self.padding_mode), 0

    def _correlate(self, op: Any, input: Any) -> Any:
        x, padding = self._bordered(input)
        return op(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Convolution):
    """Correlate signals with kernels; see :func:`rustorch.conv1d`.

    `weight` (out, in / groups, k) and `bias` (out,) start uniform in ±1/sqrt(in / groups * k).

    Shape: (N, in_channels, L) or (in_channels, L) to (N, out_channels, L') or (out_channels, L').
    """

    ndim = 1

    def forward(self, input: Any) -> Any:
        """Return the convolution of `input`."""
        return self._correlate(conv1d, input)


class Conv2d(_Convolution):
    """Correlate planes with kernels; see :func:`rustorch.conv2d`.

    `weight` (out, in / groups, kh, kw) and `bias` (out,) start uniform in ±1/sqrt(in / groups * kh * kw).

    Shape: (N, in_channels, H, W) or (in_channels, H, W) to the same with out_channels, H', W'.

    >>> import rustorch
    >>> layer = rustorch.nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> tuple(layer(rustorch.ones(1, 3, 5, 5)).shape)
    (1, 8, 5, 5)
    """

    ndim = 2

    def forward(self, input: Any) -> Any:
        """Return the convolution of `input`."""
        return self._correlate(conv2d, input)


class Conv3d(_Convolution):
    """Correlate volumes with kernels; see :func:`rustorch.conv3d`.

    Shape: (N, in_channels, D, H, W) or (in_channels, D, H, W) to the same with out_channels, D', H', W'.
    """

    ndim = 3

    def forward(self, input: Any) -> Any:
        """Return the convolution of `input`."""
        return self._correlate(conv3d, input)


class _Transposed(_Convolution):
    """What the transposed convolutions share.  Abstract."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer; `output_padding` is additional size on one side, the rest as for convolution."""
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self._set_output_padding(output_padding)

    def _set_output_padding(self, output_padding: Any) -> None:
        name = type(self).__name__
        if self.padding_mode != "zeros" or isinstance(self.padding, str):
            raise ArgumentError(f"{name}: padding must be integers and padding_mode 'zeros'")
        self.output_padding = per_dim(name, "output_padding", output_padding, self.ndim)

    def _spread(self, op: Any, input: Any, output_size: Any) -> Any:
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return op(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """Return the output padding that gives the result its spatial sizes."""
        name = type(self).__name__
        check_tensor(name, input)
        if isinstance(output_size, (tuple, list)):  # it may have the batch and channel sizes in front
            output_size = tuple(output_size)[-self.ndim :]
        wanted = per_dim(name, "output_size", output_size, self.ndim, 1)
        if len(input.shape) < self.ndim:
            raise ShapeError(
                f"{name}: the input must have {self.ndim + 2} dims, got shape {tuple(input.shape)}"
            )
        numbers: Any = zip(
            input.shape[-self.ndim :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
        )
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in numbers]
        extra = tuple(w - n for w, n in zip(wanted, least, strict=True))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise ShapeError(f"{name}: output_size must be in {tuple(least)} to {tuple(most)}, got {wanted}")
        return extra


class ConvTranspose1d(_Transposed):
    """The transposed convolution of signals; see :func:`rustorch.conv_transpose1d`.

    `weight` is (in, out / groups, k).

    Shape: (N, in_channels, L) or (in_channels, L) to (N, out_channels, L') or (out_channels, L').
    """

    ndim = 1

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """Return the result; `output_size` chooses among the sizes that `stride` leaves open."""
        return self._spread(conv_transpose1d, input, output_size)


class ConvTranspose2d(_Transposed):
    """The transposed convolution of planes; see :func:`rustorch.conv_transpose2d`.

    `weight` is (in, out / groups, kh, kw).

    Shape: (N, in_channels, H, W) or (in_channels, H, W) to the same with out_channels, H', W'.

    >>> import rustorch
    >>> layer = rustorch.nn.ConvTranspose2d(3, 8, kernel_size=4, stride=2, padding=1)
    >>> tuple(layer(rustorch.ones(1, 3, 5, 5)).shape)
    (1, 8, 10, 10)
    """

    ndim = 2

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """Return the result; `output_size` chooses among the sizes that `stride` leaves open."""
        return self._spread(conv_transpose2d, input, output_size)


# -- lazy --------------------------------------------------------------------------------------------


class _LazyConvolution(LazyModuleMixin, _Convolution):
    """A convolution that takes `in_channels` from its first input.  Abstract."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer without its parameters' shapes."""
        Module.__init__(self)
        self._set(0, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self._reserve(bias, device, dtype)

    def _reserve(self, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def initialize_parameters(self, input: Any, *_more: Any) -> None:
        """Take `in_channels` from the input."""
        name = type(self).__name__
        check_tensor(name, input)
        if len(input.shape) not in (self.ndim + 1, self.ndim + 2):
            raise ShapeError(
                f"{name}: {self.ndim + 1} or {self.ndim + 2} dims are needed, got shape {tuple(input.shape)}"
            )
        channels = input.shape[-self.ndim - 1]
        if channels % self.groups:
            raise ShapeError(
                f"{name}: groups must divide the input's channels, got {self.groups} and {channels}"
            )
        self.in_channels = channels
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def settle(self) -> None:
        """Take the sizes from a loaded weight."""
        self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups


class _LazyTransposed(_LazyConvolution, _Transposed):
    """A transposed convolution that takes `in_channels` from its first input.  Abstract."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer without its parameters' shapes."""
        Module.__init__(self)
        self._set(0, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode)
        self._set_output_padding(output_padding)
        self._reserve(bias, device, dtype)


class LazyConv1d(_LazyConvolution, Conv1d):
    """`Conv1d` that takes `in_channels` from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvolution, Conv2d):
    """`Conv2d` that takes `in_channels` from its first input.

    >>> import rustorch
    >>> layer = rustorch.nn.LazyConv2d(8, kernel_size=3)
    >>> _ = layer(rustorch.ones(1, 3, 5, 5))
    >>> layer
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvolution, Conv3d):
    """`Conv3d` that takes `in_channels` from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """`ConvTranspose1d` that takes `in_channels` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """`ConvTranspose2d` that takes `in_channels` from its first input."""

    cls_to_become = ConvTranspose2d
