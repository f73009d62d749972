"""From a formula on NumPy arrays to a kernel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rustorch.plugins import Kernel
from rustorch_reference.views import View, load, store


def strided(op: str, fn: Callable[..., None], dtypes: frozenset[str]) -> Kernel:
    """Declare `fn` as a kernel that takes operands of any strides, as all do here."""
    return Kernel(op, fn, dtypes, layout="strided")


def elementwise(op: str, formula: Callable[..., np.ndarray], dtypes: frozenset[str]) -> Kernel:
    """Make a kernel of a formula: load wide, compute without warnings, round once, store."""

    def kernel(out: View, *operands: View) -> None:
        with np.errstate(all="ignore"):
            store(out, formula(*map(load, operands)))

    kernel.__name__ = op
    return strided(op, kernel, dtypes)
