"""From a torch function to a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from rustorch.plugins import Kernel
from rustorch_torch.views import View, load, store, write

Layout = Literal["contiguous", "strided"]


def strided(op: str, fn: Callable[..., None], dtypes: frozenset[str]) -> Kernel:
    """Declare `fn` as a kernel that takes operands of any strides, as all do here."""
    return Kernel(op, fn, dtypes, layout="strided")


def written(op: str, function: Callable[..., Any], dtypes: frozenset[str]) -> Kernel:
    """Make a kernel of a torch function that can write into memory it is given (``out=``)."""

    def kernel(out: View, *operands: View, **options: Any) -> None:
        write(out, function, *map(load, operands), **options)

    return strided(op, kernel, dtypes)


def stored(
    op: str, function: Callable[..., Any], dtypes: frozenset[str], *, layout: Layout = "strided"
) -> Kernel:
    """Make a kernel of a function that returns new tensors, one per result."""

    def kernel(out: View | tuple[View, ...], *operands: View, **options: Any) -> None:
        found = function(*map(load, operands), **options)
        if isinstance(out, tuple):
            for view, values in zip(out, found, strict=True):
                store(view, values)
        else:
            store(out, found)

    return Kernel(op, kernel, dtypes, layout)


def contiguous(op: str, function: Callable[..., Any], dtypes: frozenset[str]) -> Kernel:
    """Do the same for functions inside PyTorch that its own callers hand contiguous tensors."""
    return stored(op, function, dtypes, layout="contiguous")
