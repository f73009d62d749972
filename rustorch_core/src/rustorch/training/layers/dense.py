"""Layers on features: Dense, Embedding, Dropout, Flatten, Reshape."""

from __future__ import annotations

from typing import Any

from rustorch import nn
from rustorch.errors import ShapeError
from rustorch.training.layers import activations, checks
from rustorch.training.layers.table import Build, layer


@layer("Dense", "Linear", example="Dense(64, activation=relu)")
def dense(units: int, activation: str = "linear", bias: bool = True) -> Build:
    """``activation(x @ weight.T + bias)`` on the last dim: (..., features) to (..., units)."""
    units = checks.count("Dense", "units", units)
    bias = checks.flag("Dense", "bias", bias)
    activations.activation(activation, owner="Dense")

    def build(shape: tuple[int, ...]) -> list[Any]:
        if len(shape) < 2:
            raise ShapeError(
                f"Dense: an input of shape (batch, ..., features) is required, got {tuple(shape)}",
                hint="x.unsqueeze(1) makes one feature of each number",
            )
        return [nn.Linear(shape[-1], units, bias=bias), *activations.activation(activation, owner="Dense")]

    return build


@layer("Embedding", example="Embedding(10000, 64)")
def embedding(vocab: int, dim: int, padding_idx: int | None = None) -> Build:
    """A vector for each integer below `vocab`: (batch, ...) to (batch, ..., dim)."""
    vocab = checks.count("Embedding", "vocab", vocab)
    dim = checks.count("Embedding", "dim", dim)
    if padding_idx is not None:
        padding_idx = checks.count("Embedding", "padding_idx", padding_idx, least=0)
    return lambda _shape: [nn.Embedding(vocab, dim, padding_idx=padding_idx)]


@layer("Dropout", example="Dropout(0.3)")
def dropout(rate: float = 0.5) -> Build:
    """While training, zeros with probability `rate`, the rest scaled by ``1 / (1 - rate)``."""
    rate = checks.share("Dropout", "rate", rate)
    return lambda _shape: [nn.Dropout(rate)]


@layer("Flatten", example="Flatten()")
def flatten() -> Build:
    """All dims after the batch as one."""
    return lambda _shape: [nn.Flatten()]


class Reshape(nn.Module):
    """The dims after the batch in another shape."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Any) -> Any:
        """Return `x` as (batch, *shape)."""
        return x.reshape((x.shape[0], *self.shape))

    def extra_repr(self) -> str:
        """Return the shape, for printing."""
        return ", ".join(map(str, self.shape))


@layer("Reshape", example="Reshape(1, 28, 28)")
def reshape(*shape: int) -> Build:
    """The dims after the batch in another shape; one size may be -1."""
    sizes = tuple(-1 if size == -1 else checks.count("Reshape", "a size", size) for size in shape)
    return lambda _shape: [Reshape(*sizes)]
