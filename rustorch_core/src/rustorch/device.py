"""Devices: names of the form ``type:index``, any type that a plugin chose.

A :class:`Device` also holds the kernel table and runtime of its hardware.  Both are absent until
the first use: :mod:`rustorch.dispatch` fills them in through `opener`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError, DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rustorch.dispatch.contract import Buffer, DeviceInfo, Runtime


class _Unopened:
    """Stands in for the table or runtime of a device that nothing has used yet."""

    __slots__ = ("_device", "_slot")

    def __init__(self, device: Device, slot: str) -> None:
        self._device = device
        self._slot = slot

    def __getitem__(self, op: str) -> Any:
        return self._opened()[op]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened(), name)

    def _opened(self) -> Any:
        if opener is None:
            raise DeviceError(f"device {self._device}: rustorch is not fully imported yet")
        opener(self._device)
        return getattr(self._device, self._slot)


#: Opens a device; set by `rustorch.dispatch`.
opener: Callable[[Device], None] | None = None
#: Names the default device; set by `rustorch.dispatch`.
find_default: Callable[[], Device] | None = None
#: Called with a device whose plugin goes away, to drop tensors that caches keep on it.
at_close: list[Callable[[Device], None]] = []

_interned: dict[tuple[str, int], Device] = {}
_lock = threading.Lock()


class Device:
    """A place where tensors live.  There is one instance per name, so ``is`` compares devices.

    ``with device:`` makes it the default device of the block.

    >>> import rustorch
    >>> rustorch.device("cpu", 0)
    device(type='cpu', index=0)
    """

    __slots__ = ("__weakref__", "allocate", "free", "index", "info", "kernels", "runtime", "type")

    type: str
    index: int
    kernels: Any  # op name -> dispatch dtype -> kernel
    runtime: Runtime
    info: DeviceInfo
    allocate: Callable[[int], Buffer]  # the runtime's own methods, one look-up nearer
    free: Callable[[Buffer, int], None]

    def __new__(cls, type: str | Device | int | None = None, index: int | None = None) -> Device:
        """Return the one object of this device."""
        name, number = _parse(type, index)
        with _lock:
            self = _interned.get((name, number))
            if self is None:
                self = super().__new__(cls)
                self.type = name
                self.index = number
                self.close()
                _interned[name, number] = self
        return self

    def open(self, runtime: Runtime, info: DeviceInfo, kernels: Any) -> None:
        """Connect the device to its hardware."""
        self.runtime = runtime
        self.info = info
        self.allocate = runtime.allocate
        self.free = runtime.free
        self.kernels = kernels

    def close(self) -> None:
        """Forget the hardware; the next use opens the device again."""
        unopened: Any = {slot: _Unopened(self, slot) for slot in ("runtime", "info", "kernels")}
        self.runtime = unopened["runtime"]
        self.info = unopened["info"]
        self.kernels = unopened["kernels"]
        self.allocate = lambda nbytes: unopened["runtime"].allocate(nbytes)  # noqa: PLW0108 - looked up at the call, which opens the device
        self.free = lambda buffer, nbytes: unopened["runtime"].free(buffer, nbytes)  # noqa: PLW0108 - the same

    def __repr__(self) -> str:
        return f"device(type={self.type!r}, index={self.index})"

    def __str__(self) -> str:
        return f"{self.type}:{self.index}"

    def __call__(self) -> str:
        """Return the name; so ``x.device()`` reads as well as ``x.device``."""
        return str(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                return self is Device(other)
            except DeviceError:
                return False
        return self is other

    __hash__ = object.__hash__  # one instance per name

    def __reduce__(self) -> tuple[Any, ...]:
        return (Device, (self.type, self.index))

    def __enter__(self) -> Device:
        _defaults.stack.append(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        _defaults.stack.pop()


def _parse(type: str | Device | int | None, index: int | None) -> tuple[str, int]:
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or index < 0):
        raise ArgumentError(f"device: the index must be an integer of at least 0, got {index!r}")
    if isinstance(type, Device):
        return type.type, type.index if index is None else index
    if isinstance(type, int) and not isinstance(type, bool) and index is None:
        return get_default_device().type, type
    if not isinstance(type, str):
        raise ArgumentError(f"device: expected a name such as 'cpu' or 'cuda:0', got {type!r}")
    name, colon, number = type.rpartition(":") if ":" in type else (type, "", "")
    if colon and not number.isdecimal():
        # a plugin's own name may hold a colon, e.g. "torch:cpu"
        name, number = type, ""
    if number and index is not None:
        raise ArgumentError(f"device: the index is given twice, got {type!r} and {index}")
    if not name:
        raise ArgumentError(f"device: expected a name such as 'cpu' or 'cuda:0', got {type!r}")
    return name, int(number) if number else (index or 0)


class _Defaults(threading.local):
    def __init__(self) -> None:
        self.stack: list[Device] = []


_defaults = _Defaults()
_process_default: Device | None = None


def as_device(spec: Device | str | int | None) -> Device:
    """Return a device from a device, a name, an index of the default type, or None (the default)."""
    if spec is None:
        return get_default_device()
    return spec if isinstance(spec, Device) else Device(spec)


def get_default_device() -> Device:
    """Return the device of new tensors: ``with device``, else the one set, else the best one ready."""
    global _process_default
    if _defaults.stack:
        return _defaults.stack[-1]
    if _process_default is None:
        if find_default is None:
            raise DeviceError("get_default_device: rustorch is not fully imported yet")
        _process_default = find_default()
    return _process_default


def set_default_device(device: Device | str | None) -> None:
    """Set the device of new tensors for the whole process; ``None`` goes back to the best one ready."""
    global _process_default
    if device is None:
        _process_default = None
        return
    chosen = Device(device)
    chosen.info.name  # noqa: B018 - opens the device, so that a wrong name fails here and not later
    _process_default = chosen
