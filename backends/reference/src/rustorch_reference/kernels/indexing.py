"""Reading and writing along one dimension at given indices.

Wherever `index` is smaller than the other operand, only the leading part of that operand is used.
"""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL
from rustorch_reference.kernels.build import strided
from rustorch_reference.views import View, array, load, store

COMBINE = {"add": np.add, "max": np.maximum}


def gather(out: View, x: View, index: View, *, dim: int) -> None:
    """``out[i, j, k] = x[i, index[i, j, k], k]`` for dim = 1, and likewise for other dims."""
    source = np.atleast_1d(array(x))  # a 0-d operand counts as one of a single element
    where = positions(array(index), dim, source.shape)
    array(out)[...] = source[where].reshape(out.shape)


def scatter(out: View, index: View, src: View, *, dim: int, mode: str) -> None:
    """``out[i, index[i, j, k], k] (=, +=, max=) src[i, j, k]`` for dim = 1, in row-major order.

    Where an index repeats: "set" keeps the last value; "add" and "max" are wide and round once.
    """
    result = np.atleast_1d(array(out) if mode == "set" else load(out))
    where = positions(array(index), dim, result.shape)
    values = np.atleast_1d(array(src))[tuple(map(slice, np.atleast_1d(array(index)).shape))]
    if mode == "set":
        result[where] = values
        return
    with np.errstate(all="ignore"):
        COMBINE[mode].at(result, where, values.astype(result.dtype))
    store(out, result.reshape(out.shape))


def positions(index: np.ndarray, dim: int, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Turn indices along `dim` into one index array per dimension, after checking their range."""
    index = np.atleast_1d(index)
    size = shape[dim]
    wrong = index[(index < 0) | (index >= size)]
    if wrong.size:
        raise IndexError(f"index {wrong[0]} is out of bounds for dimension {dim} with size {size}")
    where = list(np.indices(index.shape, sparse=True))
    where[dim] = index
    return tuple(where)


KERNELS = [
    strided("gather", gather, ALL),
    strided("scatter", scatter, ALL),
]
