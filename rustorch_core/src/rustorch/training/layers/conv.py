"""Layers on pictures and sequences, channels first: convolution and pooling."""

from __future__ import annotations

from typing import Any

from rustorch import nn
from rustorch.errors import ArgumentError
from rustorch.training.layers import activations, checks
from rustorch.training.layers.table import Build, layer

_FORMS = {1: "(batch, channels, length)", 2: "(batch, channels, height, width)"}


def _padding(
    name: str, padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, ...]:
    if padding == "valid":
        return (0,) * len(kernel)
    if padding == "same":
        spans = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        if any(s != 1 for s in stride) or any(span % 2 for span in spans):
            raise ArgumentError(
                f"{name}: padding=same needs stride 1 and odd kernels, got stride {stride} and {kernel}",
                hint="give the padding as a number",
            )
        return tuple(span // 2 for span in spans)
    return checks.sizes(name, "padding", padding, len(kernel), least=0)


def _conv(name: str, dims: int, options: dict[str, Any]) -> Build:
    filters = checks.count(name, "filters", options["filters"])
    kernel = checks.sizes(name, "kernel", options["kernel"], dims)
    stride = checks.sizes(name, "stride", options["stride"], dims)
    dilation = checks.sizes(name, "dilation", options["dilation"], dims)
    groups = checks.count(name, "groups", options["groups"])
    bias = checks.flag(name, "bias", options["bias"])
    padding = _padding(name, options["padding"], kernel, stride, dilation)
    activations.activation(options["activation"], owner=name)

    def build(shape: tuple[int, ...]) -> list[Any]:
        checks.rank(name, shape, dims + 2, form=_FORMS[dims])
        make = nn.Conv1d if dims == 1 else nn.Conv2d
        made = make(
            shape[1],
            filters,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        return [made, *activations.activation(options["activation"], owner=name)]

    return build


@layer("Conv2D", example="Conv2D(32, 3, activation=relu)")
def conv2d(
    filters: int,
    kernel: Any,
    activation: str = "linear",
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
) -> Build:
    """Convolution: (batch, channels, height, width) to (batch, filters, ...).

    ``padding`` is a number, two, ``valid`` (none) or ``same`` (the size stays).
    """
    return _conv("Conv2D", 2, locals())


@layer("Conv1D", example="Conv1D(32, 3, activation=relu)")
def conv1d(
    filters: int,
    kernel: Any,
    activation: str = "linear",
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
) -> Build:
    """Convolution of sequences: (batch, channels, length) to (batch, filters, ...)."""
    return _conv("Conv1D", 1, locals())


def _pool(name: str, kind: Any, size: Any, stride: Any, padding: Any) -> Build:
    size = checks.sizes(name, "size", size, 2)
    stride = size if stride is None else checks.sizes(name, "stride", stride, 2)
    padding = checks.sizes(name, "padding", padding, 2, least=0)

    def build(shape: tuple[int, ...]) -> list[Any]:
        checks.rank(name, shape, 4, form=_FORMS[2])
        return [kind(size, stride=stride, padding=padding)]

    return build


@layer("MaxPool2D", "MaxPooling2D", example="MaxPool2D(2)")
def max_pool2d(size: Any = 2, stride: Any = None, padding: Any = 0) -> Build:
    """The largest value of each window; the stride is the window if not given."""
    return _pool("MaxPool2D", nn.MaxPool2d, size, stride, padding)


@layer("AvgPool2D", "AveragePooling2D", example="AvgPool2D(2)")
def avg_pool2d(size: Any = 2, stride: Any = None, padding: Any = 0) -> Build:
    """The mean of each window; the stride is the window if not given."""
    return _pool("AvgPool2D", nn.AvgPool2d, size, stride, padding)


class GlobalPool(nn.Module):
    """The mean or maximum of all dims after the channels."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Any) -> Any:
        """Return (batch, channels) for (batch, channels, ...)."""
        dims = tuple(range(2, x.ndim))
        return x.amax(dims) if self.kind == "max" else x.mean(dims)

    def extra_repr(self) -> str:
        """Return the kind, for printing."""
        return self.kind


def _global(name: str, kind: str) -> Build:
    def build(shape: tuple[int, ...]) -> list[Any]:
        checks.rank(name, shape, 3, 4, form="(batch, channels, ...)")
        return [GlobalPool(kind)]

    return build


@layer("GlobalAvgPool2D", "GlobalAveragePooling2D", "GlobalAvgPool", example="GlobalAvgPool2D()")
def global_avg_pool() -> Build:
    """The mean of each channel."""
    return _global("GlobalAvgPool2D", "mean")


@layer("GlobalMaxPool2D", "GlobalMaxPooling2D", "GlobalMaxPool", example="GlobalMaxPool2D()")
def global_max_pool() -> Build:
    """The largest value of each channel."""
    return _global("GlobalMaxPool2D", "max")
