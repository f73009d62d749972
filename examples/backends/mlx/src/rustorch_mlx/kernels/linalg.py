"""Matrix products."""

from __future__ import annotations

import mlx.core as mx

from rustorch_mlx.kernels.build import functional
from rustorch_mlx.views import BOOL, COMPLEX, FLOATS, INTEGERS


def integer_matmul(a: mx.array, b: mx.array) -> mx.array:
    """MLX multiplies matrices of floats only."""
    products = a[..., :, :, None] * b[..., None, :, :]
    return products.any(axis=-2) if a.dtype == mx.bool_ else products.sum(axis=-2)


def linear(x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)


KERNELS = [
    functional("matmul", mx.matmul, FLOATS | COMPLEX),
    functional("matmul", integer_matmul, INTEGERS | BOOL),
    functional("linear", linear, FLOATS),
]
