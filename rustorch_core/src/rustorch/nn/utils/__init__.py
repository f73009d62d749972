"""Helpers for training and for sequences."""

from rustorch.nn.utils import rnn
from rustorch.nn.utils.clip_grad import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from rustorch.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from rustorch.nn.utils.fusion import fuse_conv_bn_eval, fuse_for_inference

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "fuse_conv_bn_eval",
    "fuse_for_inference",
    "get_total_norm",
    "parameters_to_vector",
    "rnn",
    "vector_to_parameters",
]
