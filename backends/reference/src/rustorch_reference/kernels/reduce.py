"""Reductions; `out` has the rank of `x`, with size 1 in the reduced dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rustorch.plugins import Kernel
from rustorch_reference.dtypes import ALL, REAL
from rustorch_reference.kernels.build import strided
from rustorch_reference.views import View, load, store


def reduction(op: str, ufunc: np.ufunc, dtypes: frozenset[str]) -> Kernel:
    """Make a kernel that folds the dimensions `dim` with `ufunc`, wide, and rounds once."""

    def kernel(out: View, x: View, *, dim: tuple[int, ...]) -> None:
        rows = flatten_last(load(x), dim)
        with np.errstate(all="ignore"):
            # Along a contiguous last axis NumPy adds pairwise: an error of O(log n), not O(n).
            store(out, ufunc.reduce(rows, axis=-1, dtype=rows.dtype).reshape(out.shape))

    kernel.__name__ = op
    return strided(op, kernel, dtypes)


def flatten_last(x: np.ndarray, dim: tuple[int, ...]) -> np.ndarray:
    """Move the dimensions `dim` to the end and flatten them into one, contiguous."""
    kept = [d for d in range(x.ndim) if d not in dim]
    shape = [x.shape[d] for d in kept] + [math.prod(x.shape[d] for d in dim)]
    return np.array(x.transpose([*kept, *dim]).reshape(shape), order="C")


def arg_reduction(op: str, function: Callable[..., np.ndarray]) -> Kernel:
    """Make a kernel of np.argmax or np.argmin: the lowest index wins a tie, and any NaN wins."""

    def kernel(out: View, x: View, *, dim: int) -> None:
        store(out, function(load(x), axis=dim, keepdims=True))

    kernel.__name__ = op
    return strided(op, kernel, REAL)


KERNELS = [
    reduction("sum", np.add, ALL),  # bool: any; of nothing: 0
    reduction("prod", np.multiply, ALL),  # bool: all; of nothing: 1
    reduction("amax", np.maximum, REAL),  # NaN if any is
    reduction("amin", np.minimum, REAL),
    arg_reduction("argmax", np.argmax),
    arg_reduction("argmin", np.argmin),
]
