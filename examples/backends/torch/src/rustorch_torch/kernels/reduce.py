"""Reductions, running sums and sorting; the result of a reduction has size 1 in the reduced dims."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from rustorch_torch.kernels.build import stored
from rustorch_torch.views import ALL, BOOL, COMPLEX, HALF, INTEGERS, REAL, WIDE

Reduction = Callable[..., torch.Tensor]


def over_one_dim(fold: Reduction) -> Reduction:
    """Extend a function that folds the last dim to any set of dims."""

    def reduce(x: torch.Tensor, *, dim: tuple[int, ...]) -> torch.Tensor:
        kept = [d for d in range(x.ndim) if d not in dim]
        sizes = [x.shape[d] for d in kept]
        flat = x.permute([*kept, *dim]).reshape(*sizes, math.prod(x.shape[d] for d in dim))
        return fold(flat).reshape([1 if d in dim else size for d, size in enumerate(x.shape)])

    return reduce


def over_dims(fold: Reduction) -> Reduction:
    """Guard a function that takes several dims against none at all, which PyTorch reads as all."""
    return lambda x, *, dim: fold(x, dim) if dim else x


def sum_(x: torch.Tensor, dim: tuple[int, ...]) -> torch.Tensor:
    return torch.sum(x, dim, keepdim=True, dtype=x.dtype)  # half precision adds in float32


def argument(function: Reduction) -> Reduction:
    """Bools have no argmax in PyTorch."""
    return lambda x, *, dim: function(x.byte() if x.dtype == torch.bool else x, dim, keepdim=True)


def cumsum(x: torch.Tensor, *, dim: int) -> torch.Tensor:
    return torch.cumsum(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim, dtype=None)


def sort(x: torch.Tensor, *, dim: int, descending: bool) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.sort(x, dim=dim, descending=descending, stable=True)


KERNELS = [
    stored("sum", over_one_dim(lambda x: x.any(-1)), BOOL),
    stored("sum", over_dims(sum_), ALL - BOOL),
    stored("prod", over_one_dim(lambda x: x.all(-1)), BOOL),
    stored("prod", over_one_dim(lambda x: x.float().prod(-1)), HALF),
    stored("prod", over_one_dim(lambda x: x.prod(-1, dtype=x.dtype)), INTEGERS | WIDE | COMPLEX),
    stored("amax", over_dims(lambda x, dim: x.amax(dim, keepdim=True)), REAL),
    stored("amin", over_dims(lambda x, dim: x.amin(dim, keepdim=True)), REAL),
    stored("argmax", argument(torch.argmax), REAL),
    stored("argmin", argument(torch.argmin), REAL),
    stored("cumsum", cumsum, ALL - BOOL),
    stored("sort", sort, REAL),
]
