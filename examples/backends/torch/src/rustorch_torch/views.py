"""Between an operand view of the core and a torch tensor.

`tensor` is the memory itself, without a copy; PyTorch has no negative strides, so kernels read with
`load`, which copies such a view, and write with `store`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

View = Any  # an operand view as the backend contract describes it

BOOL = frozenset({"bool"})
INTEGERS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
HALF = frozenset({"float16", "bfloat16"})
WIDE = frozenset({"float32", "float64"})
FLOATS = HALF | WIDE
COMPLEX = frozenset({"complex64", "complex128"})
REAL = BOOL | INTEGERS | FLOATS
ALL = REAL | COMPLEX

#: dtype name -> torch dtype; the names are the same.
DTYPES = {name: getattr(torch, name) for name in ALL}


def dtype_of(view: View) -> torch.dtype:
    """Return the torch dtype of a view's elements."""
    return DTYPES[view.dtype.name]


def tensor(view: View) -> torch.Tensor:
    """Return a tensor over the view's own memory; negative strides come out positive (see `flips`)."""
    buffer, dtype = view.storage.buffer, dtype_of(view)
    if not view.shape.elements:
        return torch.empty(view.shape, dtype=dtype, device=buffer.device)  # may point past the end
    typed = buffer.view(dtype)
    if view.dense >= 0:
        return typed[view.offset : view.offset + view.dense].view(view.shape)
    first = view.offset + sum((view.shape[d] - 1) * view.strides[d] for d in flips(view))
    return typed.as_strided(view.shape, [abs(step) for step in view.strides], first)


def flips(view: View) -> list[int]:
    """Return the dims of negative stride."""
    return [d for d, step in enumerate(view.strides) if step < 0] if view.dense < 0 else []


def load(view: View) -> torch.Tensor | None:
    """Return the view's elements for reading; None for an operand that was not given."""
    if view is None:
        return None
    found = tensor(view)
    backwards = flips(view)
    return found.flip(backwards) if backwards else found


def store(view: View, values: torch.Tensor | None) -> None:
    """Write values into the view, converting them to its dtype; into a slot that is not used, nothing."""
    if view is None:
        return
    backwards = flips(view)
    tensor(view).copy_(values.flip(backwards) if backwards else values)


def write(view: View, function: Callable[..., Any], *operands: Any, **options: Any) -> None:
    """Let a torch function with an argument `out` write into the view, in place where that can be."""
    if flips(view):
        store(view, function(*operands, **options))
    else:
        function(*operands, **options, out=tensor(view))
