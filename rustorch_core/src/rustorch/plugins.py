"""What a plugin author imports: the hook marker, the records of the contract, registration.

>>> from rustorch.plugins import BackendInfo, hookimpl
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rustorch.dispatch import opening, registry
from rustorch.dispatch.contract import (
    CONTRACT_VERSION,
    ENTRY_POINT_GROUP,
    Absent,
    BackendInfo,
    DeviceInfo,
    Event,
    ExpectedFailure,
    Kernel,
    Ready,
    Runtime,
    Stream,
)
from rustorch.dispatch.hookspecs import hookimpl
from rustorch.dispatch.plugins import PluginRecord
from rustorch.dispatch.plugins import plugins as _plugins

if TYPE_CHECKING:
    from rustorch.ops.op import Op

__all__ = [
    "BOOT_OPS",
    "CONTRACT_VERSION",
    "ENTRY_POINT_GROUP",
    "Absent",
    "BackendInfo",
    "DeviceInfo",
    "Event",
    "ExpectedFailure",
    "Kernel",
    "PluginRecord",
    "Ready",
    "Runtime",
    "Stream",
    "declared_ops",
    "hookimpl",
    "records",
    "register",
    "unregister",
]


def register(plugin: object, name: str) -> None:
    """Add a plugin object to the running process, as if an entry point had named it.

    Raises:
        PluginError: if it is refused; the text names the hook, argument or version that is wrong.
    """
    _plugins().register(plugin, name)
    opening.ask_plugins_again()


def unregister(name: str) -> None:
    """Remove a plugin; the devices of its backends are closed."""
    found = _plugins()
    record = found.records.get(name)
    found.unregister(name)
    for backend in record.backends if record else ():
        opening.forget(backend.name)
    opening.ask_plugins_again()


def records() -> list[PluginRecord]:
    """Return what became of every plugin found, accepted or rejected."""
    return list(_plugins().records.values())


def declared_ops() -> dict[str, Op]:
    """Return the declarations of all ops by name, for plugins that generate their kernels.

    Those of elementwise ops tell their `operands`, `attributes` and, by dtype, their `signatures()`.

    >>> from rustorch.plugins import declared_ops
    >>> declared_ops()["lt"].operands, declared_ops()["lt"].signatures()["float32"]
    (('input', 'other'), 'bool')
    """
    return dict(registry.ops)


#: The ops that have no decomposition: kernels of these make every other op work.
BOOT_OPS = frozenset(name for name, op in registry.ops.items() if op.dispatched and op.decomposition is None)
