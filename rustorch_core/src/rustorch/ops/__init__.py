"""The op table: every op is declared once, in the file of its family."""

from rustorch.ops import (
    activation,
    approximation,
    attention,
    batch_norm,
    binary,
    blend,
    closeness,
    conv,
    convolution,
    creation,
    cross_entropy,
    division,
    double_word,
    dropout,
    elementwise,
    embedding,
    folding,
    indexing,
    joining,
    linalg,
    linear_fused,
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
    powers,
    public,
    quantized,
    random,
    ranking,
    rectifiers,
    reduce,
    reduction,
    resample,
    rnn,
    rnn_layer,
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
    "activation", "approximation", "attention", "batch_norm", "binary", "blend", "closeness", "conv",
    "convolution", "creation", "cross_entropy", "division", "double_word", "dropout", "elementwise",
    "embedding", "folding", "functions", "indexing", "joining", "linalg", "linear_fused", "loss", "movement",
    "names", "norm", "normal_quantile", "op", "optimizer", "padding", "philox", "pooling", "pools", "powers",
    "public", "random", "ranking", "rectifiers", "reduce", "reduction", "resample", "rnn", "rnn_layer", "sampling",
    "scan", "select", "sets", "shorthand", "softmax", "sorting", "standardize", "unary", "unpool",
]  # fmt: skip
