"""Opening devices: from a name to a runtime and a kernel table, on first use."""

from __future__ import annotations

import os
import threading
from typing import Any

from rustorch import device as device_facts
from rustorch.device import Device
from rustorch.dispatch import observers, policy
from rustorch.dispatch.contract import Absent, BackendInfo, DeviceInfo, Ready, Runtime
from rustorch.dispatch.tables import Offer, Table
from rustorch.errors import DeviceError, DeviceIndexError, PluginError, RusTorchError

_lock = threading.RLock()
_opened: dict[Device, dict[str, list[Offer]]] = {}  # with the kernels that plugins offered
_probed: dict[str, Ready | Absent] = {}


def plugins() -> Any:
    """Return the process's plugins; pluggy is imported only here, on first use."""
    from rustorch.dispatch.plugins import plugins as found

    return found()


def install_observers() -> None:
    """Install the observers that plugins bring, once."""
    for plugin, brought in plugins().answers("rustorch_observers"):
        if plugin not in _observing:
            _observing.add(plugin)
            for observer in brought or ():
                if not hasattr(observer, "around"):
                    raise PluginError(
                        f"plugin {plugin!r}: an observer has a method `around`, got {observer!r}"
                    )
                observers.add_observer(observer)


_observing: set[str] = set()


def probe(backend: BackendInfo) -> Ready | Absent:
    """Ask a backend once whether it can run here."""
    with _lock:
        answer = _probed.get(backend.name)
        if answer is None:
            try:
                answer = backend.probe()
            except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
                answer = Absent(f"its probe failed: {type(error).__name__}: {error}")
            _probed[backend.name] = answer
        return answer


def open_device(device: Device) -> None:
    """Give a device its runtime, facts and kernel table.

    Raises:
        DeviceError: if no such backend is installed, or it cannot run here; says what would help.
        DeviceIndexError: if the backend has fewer devices.
    """
    with _lock:
        if device in _opened:
            return
        install_observers()
        backend = _backend_of(device)
        answer = probe(backend)
        if isinstance(answer, Absent):
            raise DeviceError(
                f"device {device}: backend {device.type!r} cannot run here: {answer.reason}", hint=answer.hint
            )
        if device.index >= answer.count:
            raise DeviceIndexError(
                f"device {device}: the backend has {answer.count} device(s), got index {device.index}"
            )
        runtime, info = _runtime_of(device)
        offers = _offers(device, info)
        device.open(runtime, info, Table(device, offers, observers.wrappers(device)))
        _opened[device] = offers


def _runtime_of(device: Device) -> tuple[Runtime, DeviceInfo]:
    try:
        runtime = plugins().manager.hook.rustorch_open(name=device.type, ordinal=device.index)
        if runtime is None:
            raise PluginError(f"device {device}: no plugin opened it although one announced the backend")
        return runtime, runtime.info()
    except RusTorchError:
        raise
    except Exception as error:  # a stranger's code may raise anything
        raise DeviceError(f"device {device}: it cannot be opened: {type(error).__name__}: {error}") from error


def _backend_of(device: Device) -> BackendInfo:
    found: dict[str, BackendInfo] = plugins().backends()
    backend = found.get(device.type)
    if backend is None:
        rejected = plugins().rejection_of(device.type)
        why = (
            f"its plugin was rejected: {rejected}"
            if rejected
            else f"installed are {', '.join(sorted(found)) or 'none'}"
        )
        raise DeviceError(
            f"device {device}: no backend is called {device.type!r}; {why}",
            hint=f"{'' if rejected else f'pip install rustorch[{device.type}], or '}see `rustorch doctor`",
        )
    return backend


def _offers(device: Device, info: DeviceInfo) -> dict[str, list[Offer]]:
    """Return what all plugins offer for a device, by op, best first."""
    offers: dict[str, list[Offer]] = {}
    for plugin, kernels in plugins().answers("rustorch_kernels", name=device.type, info=info):
        stranger = device.type not in {backend.name for backend in plugins().records[plugin].backends}
        for kernel in kernels:
            offers.setdefault(kernel.op, []).append(Offer(kernel, plugin, stranger))
    for found in offers.values():
        found.sort(key=lambda offer: (-offer.kernel.priority, offer.plugin))
    return offers


def rebuild_tables() -> None:
    """Swap a fresh table into every opened device."""
    with _lock:
        for device, offers in _opened.items():
            device.kernels = Table(device, offers, observers.wrappers(device), device.kernels.used)


def ask_plugins_again() -> None:
    """Collect the kernels anew, after a plugin has come or gone."""
    with _lock:
        install_observers()
        for device in _opened:
            _opened[device] = _offers(device, device.info)
        rebuild_tables()


def forget(backend: str) -> None:
    """Close the devices of a backend whose plugin went away."""
    with _lock:
        _probed.pop(backend, None)
        for device in [d for d in _opened if d.type == backend]:
            close_device(device)


def close_device(device: Device) -> None:
    """Forget the hardware of one device, with all that was in its memory; the next use opens it anew."""
    with _lock:
        if _opened.pop(device, None) is not None:
            for drop in device_facts.at_close:
                drop(device)
            device.close()


def find_default() -> Device:
    """Return ``RUSTORCH_DEVICE``, else the first device of the ready backend with the highest priority."""
    wanted = os.environ.get("RUSTORCH_DEVICE")
    if wanted:
        return Device(wanted)
    found = sorted(plugins().backends().values(), key=lambda b: (-b.priority, b.name))
    for backend in found:
        if isinstance(probe(backend), Ready):
            return Device(backend.name)
    raise DeviceError("no backend can run here", hint="pip install rustorch, and see `rustorch doctor`")


def find_host(device: Device) -> Device | None:
    """Return the best ready device on host memory other than `device`."""
    for backend in sorted(plugins().backends().values(), key=lambda b: (-b.priority, b.name)):
        candidate = Device(backend.name)
        if candidate is not device and isinstance(probe(backend), Ready) and candidate.info.host_memory:
            return candidate
    return None


def opened_devices() -> list[Device]:
    """Return the devices in use."""
    return list(_opened)


device_facts.opener = open_device
device_facts.find_default = find_default
policy.rebuild = rebuild_tables
policy.find_host = find_host
