"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from rustorch import nn
from rustorch.errors import ShapeError
from rustorch.training.layers import checks
from rustorch.training.layers.table import Build, layer


@layer("BatchNorm", "BatchNormalization", "BatchNorm1D", "BatchNorm2D", example="BatchNorm()")
def batch_norm(eps: float = 1e-5, momentum: float = 0.1) -> Build:
    """Batch normalisation of each channel (dim 1), with PyTorch's meaning of `momentum`."""
    eps = checks.number("BatchNorm", "eps", eps)
    momentum = checks.number("BatchNorm", "momentum", momentum)

    def build(shape: tuple[int, ...]) -> list[Any]:
        checks.rank("BatchNorm", shape, 2, 3, 4, form="(batch, channels, ...)")
        kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
        return [kind(shape[1], eps=eps, momentum=momentum)]

    return build


@layer("LayerNorm", "LayerNormalization", example="LayerNorm()")
def layer_norm(eps: float = 1e-5) -> Build:
    """Layer normalisation over the last dim."""
    eps = checks.number("LayerNorm", "eps", eps)

    def build(shape: tuple[int, ...]) -> list[Any]:
        if len(shape) < 2:
            raise ShapeError(
                f"LayerNorm: an input of shape (batch, ..., features) is required, got {tuple(shape)}"
            )
        return [nn.LayerNorm(shape[-1], eps=eps)]

    return build
