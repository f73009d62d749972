"""Wrappers of the C kernels, one module per family; each module has ``kernels() -> list[Kernel]``."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rustorch.dispatch.contract import Kernel


def all_kernels() -> list[Kernel]:
    """The kernels of every module of this package that offers some."""
    found: list[Kernel] = []
    for module in pkgutil.iter_modules(__path__):
        offered = getattr(importlib.import_module(f"{__name__}.{module.name}"), "kernels", None)
        if offered is not None:
            found += offered()
    return found
