"""Finding plugins by entry point, and refusing the wrong ones politely.

Nothing is imported before the first use of a device.  A plugin that is missing, broken or written
for another contract is listed as rejected with its reason, and breaks nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import pluggy

from rustorch.dispatch import hookspecs
from rustorch.dispatch.contract import CONTRACT_VERSION, ENTRY_POINT_GROUP, BackendInfo
from rustorch.errors import PluginError


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """What became of one plugin.  `reason` is empty unless it was rejected."""

    name: str
    distribution: str
    version: str
    reason: str = ""
    backends: tuple[BackendInfo, ...] = ()


class Plugins:
    """The plugins of this process."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.records: dict[str, PluginRecord] = {}

    def discover(self) -> None:
        """Load every entry point of the group, recording why one cannot be used."""
        disabled = set(os.environ.get("RUSTORCH_DISABLE_PLUGINS", "").replace(",", " ").split())
        for point in sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda p: p.name):
            dist = point.dist
            source = (dist.name, dist.version) if dist else ("", "")
            if point.name in disabled:
                self._reject(point.name, source, "disabled by RUSTORCH_DISABLE_PLUGINS")
                continue
            try:
                plugin = point.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code may raise anything
                self._reject(point.name, source, f"cannot be imported: {type(error).__name__}: {error}")
                continue
            try:
                self.register(plugin, point.name, source)
            except PluginError as error:
                self._reject(point.name, source, str(error))

    def register(self, plugin: object, name: str, source: tuple[str, str] = ("", "")) -> None:
        """Add a plugin; raise PluginError, naming what is wrong, and leave nothing behind if it is refused."""
        where = f"plugin {name!r}" + (f" of {source[0]} {source[1]}" if source[0] else "")
        if self.manager.has_plugin(name):
            raise PluginError(f"{where}: a plugin of this name is registered already")
        try:
            _check_contract(getattr(plugin, "RUSTORCH_CONTRACT", ">=1.0"), where)
            self.manager.register(plugin, name)
            self.manager.check_pending()
            backends = self._backends_of(plugin, where)
        except Exception as error:
            self.manager.unregister(name=name)
            if isinstance(error, PluginError):
                raise
            raise PluginError(f"{where}: refused: {error}") from error
        self.records[name] = PluginRecord(name, *source, backends=backends)

    def unregister(self, name: str) -> None:
        """Remove a plugin by name."""
        if not self.manager.has_plugin(name):
            raise PluginError(f"unregister: no plugin is called {name!r}, got {sorted(self.records)}")
        self.manager.unregister(name=name)
        del self.records[name]

    def answers(self, hook: str, **arguments: Any) -> Iterator[tuple[str, list[Any]]]:
        """Call a hook that returns an iterable, plugin by plugin; yield (plugin name, list), by name.

        Raises:
            PluginError: if an implementation fails; names the plugin and says how to do without it.
        """
        caller = getattr(self.manager.hook, hook)
        for impl in sorted(caller.get_hookimpls(), key=lambda impl: impl.plugin_name):
            name = impl.plugin_name
            try:
                answer = list(impl.function(**{a: arguments[a] for a in impl.argnames}) or ())
            except Exception as error:  # a stranger's code may raise anything
                raise PluginError(
                    f"plugin {name!r}: {hook} failed: {type(error).__name__}: {error}",
                    hint=f"set RUSTORCH_DISABLE_PLUGINS={name} to do without it",
                ) from error
            yield name, answer

    def backends(self) -> dict[str, BackendInfo]:
        """Return the accepted backends by name."""
        return {b.name: b for record in self.records.values() if not record.reason for b in record.backends}

    def rejection_of(self, backend: str) -> str:
        """Return why a plugin of this name was rejected, or ""."""
        record = self.records.get(backend)
        return record.reason if record else ""

    def _reject(self, name: str, source: tuple[str, str], reason: str) -> None:
        self.records[name] = PluginRecord(name, *source, reason=reason)

    def _backends_of(self, plugin: object, where: str) -> tuple[BackendInfo, ...]:
        found: list[BackendInfo] = []
        for impl in self.manager.hook.rustorch_backends.get_hookimpls():
            if impl.plugin is plugin:
                answer: Any = impl.function()
                found.extend(answer)
        taken = self.backends()
        for backend in found:
            if not isinstance(backend, BackendInfo):
                raise PluginError(
                    f"{where}: rustorch_backends must return BackendInfo records, got {backend!r}"
                )
            _check_contract(backend.contract, where)
            if backend.name in taken:
                raise PluginError(f"{where}: a backend called {backend.name!r} is registered already")
        return tuple(found)


def _check_contract(spec: str, where: str) -> None:
    """Refuse a plugin written for other contracts; one that brings only kernels says so itself."""
    if not contract_accepts(spec):
        version = ".".join(map(str, CONTRACT_VERSION))
        raise PluginError(f"{where}: written for contract {spec}, this core has {version}")


def contract_accepts(spec: str, version: tuple[int, int] = CONTRACT_VERSION) -> bool:
    """Return whether a range such as ``>=1.0,<2`` holds the contract version."""
    tests: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
        ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b,
        "<": lambda a, b: a < b, ">": lambda a, b: a > b,
    }  # fmt: skip
    for clause in spec.split(","):
        text = clause.strip()
        symbol = next((s for s in tests if text.startswith(s)), None)
        if symbol is None:
            raise PluginError(f"contract: expected clauses such as '>=1.0', got {spec!r}")
        numbers = tuple(int(part) for part in text[len(symbol) :].strip().split("."))
        if not tests[symbol](version, (*numbers, 0)[:2]):
            return False
    return True


_lock = threading.RLock()


@cache
def _discovered() -> Plugins:
    found = Plugins()
    found.discover()
    return found


def plugins() -> Plugins:
    """Return the plugins of this process, finding them on the first call."""
    with _lock:
        return _discovered()
