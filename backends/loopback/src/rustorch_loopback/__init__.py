"""A hostile device for tests: host memory that behaves like the worst hardware.

>>> import rustorch, rustorch_loopback
>>> x = rustorch.ones(2, 3, device="loopback")
>>> (x + x).tolist()
[[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rustorch_loopback.devices import held, reset
    from rustorch_loopback.faults import Schedule, inject
    from rustorch_loopback.kernels import submitted
    from rustorch_loopback.options import Options, configured

__all__ = ["Options", "Schedule", "configured", "held", "inject", "reset", "submitted"]

#: Imported on use: whoever has this backend installed, and uses another one, should not wait for its kernels.
_HOMES = {
    "held": "devices",
    "reset": "devices",
    "Schedule": "faults",
    "inject": "faults",
    "submitted": "kernels",
    "Options": "options",
    "configured": "options",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
