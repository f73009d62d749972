"""The op table: every op is declared once, in the file of its family."""

from rustorch.ops import (
    binary,
    conv,
    convolution,
    creation,
    elementwise,
    indexing,
    linalg,
    movement,
    op,
    padding,
    pooling,
    pools,
    public,
    reduce,
    select,
    unary,
)
from rustorch.ops.public import functions


def names() -> list[str]:
    """Return the names of all public functions."""
    return sorted(functions)


__all__ = [
    "binary", "conv", "convolution", "creation", "elementwise", "functions", "indexing", "linalg", "movement",
    "names", "op", "padding", "pooling", "pools", "public", "reduce", "select", "unary",
]  # fmt: skip
