"""Reading and writing along one dimension at given indices.

Wherever `index` is smaller than the other operand, only the leading part of that operand is used.
"""

from __future__ import annotations

import numpy as np

from rustorch.errors import OutOfBoundsError
from rustorch_reference.dtypes import ALL
from rustorch_reference.kernels.build import strided
from rustorch_reference.views import View, array, load, store

COMBINE = {"add": np.add, "max": np.maximum}


def gather(out: View, x: View, index: View, *, dim: int) -> None:
    """``out[i, j, k] = x[i, index[i, j, k], k]`` for dim = 1, and likewise for other dims."""
    source, index = (np.atleast_1d(array(v)) for v in (x, index))  # a 0-d operand counts as one element
    array(out)[...] = source[positions("gather", index, dim, source.shape)].reshape(out.shape)


def scatter(out: View, index: View, src: View, *, dim: int, mode: str) -> None:
    """``out[i, index[i, j, k], k] (=, +=, max=) src[i, j, k]`` for dim = 1, in row-major order.

    Where an index repeats: "set" keeps the last value; "add" and "max" are wide and round once.
    """
    target, index, src = (np.atleast_1d(array(v)) for v in (out, index, src))
    where = positions("scatter", index, dim, target.shape)
    values = src[tuple(map(slice, index.shape))].reshape(-1)
    if mode == "set":
        target[where] = values
        return
    result = np.atleast_1d(load(out))
    with np.errstate(all="ignore"):
        COMBINE[mode].at(result, where, values.astype(result.dtype))
    store(out, result.reshape(out.shape))


def positions(op: str, index: np.ndarray, dim: int, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return the places that `index` names along `dim`: per dimension a 1-D array, in row-major order."""
    wrong = index[(index < 0) | (index >= shape[dim])]
    if wrong.size:
        raise OutOfBoundsError(
            f"{op}: index {wrong[0]} is out of bounds for dimension {dim} with size {shape[dim]}"
        )
    where = np.indices(index.shape).reshape(index.ndim, -1)
    where[dim] = index.reshape(-1)
    return tuple(where)


KERNELS = [
    strided("gather", gather, ALL),
    strided("scatter", scatter, ALL),
]
