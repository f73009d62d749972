"""The op table: every op is declared once, in the file of its family."""

from rustorch.ops import (
    activation,
    attention,
    batch_norm,
    binary,
    blend,
    closeness,
    conv,
    convolution,
    creation,
    cross_entropy,
    dropout,
    elementwise,
    embedding,
    indexing,
    joining,
    linalg,
    loss,
    movement,
    norm,
    normal_quantile,
    op,
    optimizer,
    padding,
    philox,
    pooling,
    pools,
    public,
    random,
    ranking,
    rectifiers,
    reduce,
    reduction,
    resample,
    rnn,
    sampling,
    scan,
    select,
    sets,
    shorthand,
    softmax,
    sorting,
    standardize,
    unary,
    unpool,
)
from rustorch.ops.public import functions


def names() -> list[str]:
    """Return the names of all public functions."""
    return sorted(functions)


__all__ = [
    "activation", "attention", "batch_norm", "binary", "blend", "closeness", "conv", "convolution",
    "creation", "cross_entropy", "dropout", "elementwise", "embedding", "functions", "indexing", "joining",
    "linalg", "loss", "movement", "names", "norm", "normal_quantile", "op", "optimizer", "padding",
    "philox", "pooling", "pools", "public", "random", "ranking", "rectifiers", "reduce", "reduction",
    "resample", "rnn", "sampling", "scan", "select", "sets", "shorthand", "softmax", "sorting", "standardize",
    "unary", "unpool",
]  # fmt: skip
