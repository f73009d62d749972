"""The functional forms of layers, under the names that ``torch.nn.functional`` gives them."""

from __future__ import annotations

from typing import Any

from rustorch.nn.activation import implicit_dim
from rustorch.ops import softmax as _softmax
from rustorch.ops.activation import (
    celu,
    elu,
    gelu,
    glu,
    logsigmoid,
    mish,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanhshrink,
)
from rustorch.ops.attention import scaled_dot_product_attention
from rustorch.ops.batch_norm import batch_norm, instance_norm
from rustorch.ops.convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d
from rustorch.ops.cross_entropy import cross_entropy, nll_loss
from rustorch.ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from rustorch.ops.embedding import embedding, one_hot
from rustorch.ops.linalg import bilinear, linear
from rustorch.ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from rustorch.ops.norm import group_norm, layer_norm, local_response_norm, normalize, rms_norm
from rustorch.ops.padding import pad
from rustorch.ops.pools import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from rustorch.ops.public import functions
from rustorch.ops.ranking import (
    cosine_embedding_loss,
    cosine_similarity,
    hinge_embedding_loss,
    margin_ranking_loss,
    multilabel_soft_margin_loss,
    pairwise_distance,
    soft_margin_loss,
    triplet_margin_loss,
)
from rustorch.ops.rectifiers import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    softshrink,
    threshold,
)
from rustorch.ops.resample import fold, interpolate, pixel_shuffle, pixel_unshuffle, unfold
from rustorch.ops.softmax import gumbel_softmax
from rustorch.ops.unary import tanh
from rustorch.ops.unpool import max_unpool1d, max_unpool2d

# as users call them, with an explanation for wrong arguments
globals().update({name: entry.function for name, entry in functions.items() if name in globals()})
upsample = interpolate
swish = silu
relu_, leaky_relu_, elu_, selu_, celu_, hardtanh_, threshold_ = (
    functions[name].inplace for name in ("relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold")
)


def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return exp(x) / sum(exp(x)) along `dim`; see :func:`rustorch.softmax`.  Without `dim` it warns."""
    return _softmax.softmax(input, implicit_dim("softmax", dim, len(input.shape)), dtype)


def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return log(softmax(x)) along `dim`; see :func:`rustorch.log_softmax`.  Without `dim` it warns."""
    return _softmax.log_softmax(input, implicit_dim("log_softmax", dim, len(input.shape)), dtype)


def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Return softmax(-x) along `dim`.  Without `dim` it warns."""
    return _softmax.softmin(input, implicit_dim("softmin", dim, len(input.shape)), dtype)


__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d", "alpha_dropout",
    "avg_pool1d", "avg_pool2d", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "celu_", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "elu", "elu_", "embedding", "feature_alpha_dropout", "fold", "gaussian_nll_loss",
    "gelu", "glu", "group_norm", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "hinge_embedding_loss", "huber_loss", "instance_norm", "interpolate", "kl_div", "l1_loss",
    "layer_norm", "leaky_relu", "leaky_relu_", "linear", "local_response_norm", "log_softmax", "logsigmoid",
    "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_unpool1d", "max_unpool2d", "mish",
    "mse_loss", "multilabel_soft_margin_loss",
    "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance", "pixel_shuffle", "pixel_unshuffle",
    "poisson_nll_loss", "prelu", "relu", "relu6", "relu_", "rms_norm", "rrelu", "scaled_dot_product_attention",
    "selu", "selu_", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "swish", "tanh", "tanhshrink", "threshold", "threshold_", "triplet_margin_loss",
    "unfold", "upsample",
]  # fmt: skip
