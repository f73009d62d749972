"""Reading and writing at given indices.

PyTorch checks the range on the host only; on an accelerator a wrong index would end the process's
use of the device.  So it is checked here, which waits for the index.
"""

from __future__ import annotations

import torch

from rustorch.errors import OutOfBoundsError
from rustorch_torch.kernels.build import stored, strided
from rustorch_torch.views import ALL, View, load, store

#: dtypes that are added up in another one, and rounded once.
ADDED_AS = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.bool: torch.int64}


def check(op: str, index: torch.Tensor, dim: int, size: int) -> None:
    """Raise unless all indices are in [0, size)."""
    wrong = (index < 0) | (index >= size)
    if wrong.any():
        value = index[wrong][0].item()
        raise OutOfBoundsError(f"{op}: index {value} is out of bounds for dimension {dim} with size {size}")


def gather(x: torch.Tensor, index: torch.Tensor, *, dim: int) -> torch.Tensor:
    check("gather", index, dim, x.shape[dim])
    return torch.gather(x, dim, index)


def index_select(x: torch.Tensor, index: torch.Tensor, *, dim: int) -> torch.Tensor:
    check("index_select", index, dim, x.shape[dim])
    return torch.index_select(x, dim, index)


def scatter(out: View, index: View, src: View, *, dim: int, mode: str) -> None:
    target, where, values = load(out), load(index), load(src)
    check("scatter", where, dim, target.shape[dim])
    if mode == "set":
        store(out, target.scatter(dim, where, values))
        return
    wide = ADDED_AS.get(target.dtype, target.dtype)
    target, values = target.to(wide), values.to(wide)
    if mode == "add":
        store(out, target.scatter_add(dim, where, values))
    else:
        store(out, target.scatter_reduce(dim, where, values, "amax"))


def index_add(out: View, index: View, src: View, *, dim: int) -> None:
    target, where, values = load(out), load(index), load(src)
    check("index_add", where, dim, target.shape[dim])
    wide = ADDED_AS.get(target.dtype, target.dtype)
    store(out, target.to(wide).index_add(dim, where, values.to(wide)))


KERNELS = [
    stored("gather", gather, ALL),
    stored("index_select", index_select, ALL),
    strided("scatter", scatter, ALL),
    strided("index_add", index_add, ALL),
]
