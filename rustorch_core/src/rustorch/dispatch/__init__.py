"""The only road from an op to a kernel: plugins fill tables, ops look kernels up in them."""

from rustorch.dispatch import opening
from rustorch.dispatch.observers import add_observer, observing, remove_observer
from rustorch.dispatch.overrides import Override, override
from rustorch.dispatch.policy import fallback, fallback_report, reset_fallback_report, set_fallback
from rustorch.dispatch.provenance import Provenance, Source, provenance

__all__ = [
    "Override",
    "Provenance",
    "Source",
    "add_observer",
    "fallback",
    "fallback_report",
    "observing",
    "override",
    "provenance",
    "remove_observer",
    "reset_fallback_report",
    "set_fallback",
]
