"""What models, optimizers and the like are at one moment: in host memory, to go back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rustorch import rng
from rustorch.device import Device
from rustorch.hardware.holdings import Holdings
from rustorch.hardware.moving import Exchange, address_of, new_storage
from rustorch.hardware.sharing import existing
from rustorch.storage import OwnedStorage, Storage

#: What makes a tensor what it is; its elements are the storage's.
_SLOTS = (
    "storage",
    "address",
    "shape",
    "strides",
    "dense",
    "offset",
    "dtype",
    "device",
    "needs_grad",
    "node",
    "base",
    "epoch",
    "grad_",
)


def remember(value: Any, seen: set[int] | None = None) -> Callable[[], Any]:
    """Return a function that puts a value back as it is now, and returns it.

    Dicts, lists, sets and NumPy arrays get their present contents again and stay the same objects, also
    inside each other; all else is kept by reference.
    """
    seen = set() if seen is None else seen
    if id(value) in seen:  # in a cycle, or twice: once is enough
        return lambda: value
    if isinstance(value, (dict, list, set, np.ndarray)):
        seen.add(id(value))
    if isinstance(value, dict):
        return _dict_again(value, [(key, remember(item, seen)) for key, item in value.items()])
    if isinstance(value, list):
        return _list_again(value, [remember(item, seen) for item in value])
    if isinstance(value, set):
        return _set_again(value, set(value))
    if isinstance(value, np.ndarray) and value.flags.writeable:
        return _array_again(value, value.copy())
    return lambda: value


def _dict_again(value: dict[Any, Any], items: list[tuple[Any, Callable[[], Any]]]) -> Callable[[], Any]:
    def again() -> Any:
        before = {key: item() for key, item in items}
        for key in [key for key in value if key not in before]:
            del value[key]
        for key, item in before.items():
            if key not in value or value[key] is not item:
                value[key] = item
        return value

    return again


def _list_again(value: list[Any], items: list[Callable[[], Any]]) -> Callable[[], Any]:
    def again() -> Any:
        value[:] = [item() for item in items]
        return value

    return again


def _set_again(value: set[Any], items: set[Any]) -> Callable[[], Any]:
    def again() -> Any:
        value.clear()
        value.update(items)
        return value

    return again


def _array_again(value: Any, elements: Any) -> Callable[[], Any]:
    def again() -> Any:
        value[...] = elements
        return value

    return again


class Shelf:
    """Pieces of host memory of former snapshots, to be used again: the pages of fresh memory cost time."""

    def __init__(self) -> None:
        self._free: dict[int, list[bytearray]] = {}

    def take(self, nbytes: int) -> bytearray:
        """Return a piece of a size, with any content."""
        pieces = self._free.get(nbytes)
        return pieces.pop() if pieces else bytearray(nbytes)

    def retire(self, old: Snapshot, new: Snapshot) -> None:
        """Keep the pieces of an old snapshot that its successor does not use, in place of those kept so far."""
        used = {id(content) for _, _, content in new.contents.values()}
        self._free = {}
        for _, _, content in old.contents.values():
            if id(content) not in used:
                self._free.setdefault(len(content), []).append(content)


def _read(storage: Storage, shelf: Shelf | None) -> bytearray:
    """Return the bytes of a storage."""
    content = bytearray(storage.nbytes) if shelf is None else shelf.take(storage.nbytes)
    if content:
        storage.device.runtime.copy_to_host(memoryview(content), storage.buffer, 0)
    return content


class Snapshot:
    """The elements, handles and history of tensors, and streams of random numbers, as they are now.

    Args:
        held: the tensors.
        remembered: dicts and the like to put back as well.
        known: an earlier snapshot; what did not change since is not copied again.
        shelf: where host memory comes from.
    """

    def __init__(
        self,
        held: Holdings,
        remembered: Iterable[Any] = (),
        known: Snapshot | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        earlier = {} if known is None else known.contents
        self.tensors: list[Any] = held.tensors
        self.slots = [tuple(getattr(x, name) for name in _SLOTS) for x in held.tensors]
        self.copied_nbytes = 0
        self.contents: dict[int, tuple[Storage, int, bytearray]] = {}
        for x in held.tensors:
            storage = x.storage
            if id(storage) in self.contents:
                continue
            entry = earlier.get(id(storage))
            if entry is None or entry[0] is not storage or entry[1] != storage.version:
                entry = (storage, storage.version, _read(storage, shelf))
                self.copied_nbytes += storage.nbytes
            self.contents[id(storage)] = entry
        seen: set[int] = set()
        self._remembered = [remember(value, seen) for value in remembered]
        generators = {id(g): g for g in (rng.default_generator, *held.generators)}
        self._streams = [(g, g.get_state()) for g in generators.values()]

    def put_back(self) -> None:
        """Make everything as it was, in the memory where it was."""
        self.put_back_values()
        for x, slots in zip(self.tensors, self.slots, strict=True):
            for name, value in zip(_SLOTS, slots, strict=True):
                setattr(x, name, value)
        for storage, version, content in self.contents.values():
            if storage.version != version:
                if content:
                    storage.device.runtime.copy_from_host(storage.buffer, 0, memoryview(content))
                storage.version = version

    def rebuild(self, device: Device) -> None:
        """Make everything as it was, in new memory on a device; the old memory is not touched.

        Tensors that share memory with these, whoever has them, get the new memory too.  If it does not
        all fit there, nothing has changed.
        """
        new: dict[int, OwnedStorage] = {}
        for key, (storage, version, content) in self.contents.items():
            made = new[key] = new_storage(device, storage.nbytes)
            made.version = version
            if content:
                device.runtime.copy_from_host(made.buffer, 0, memoryview(content))
        device.runtime.synchronize()
        own = {id(x) for x in self.tensors}
        exchange = Exchange()
        everything, _ = existing()
        exchange.put([x for x in everything if id(x) not in own and id(x.storage) in new], new, device)
        for x, slots in zip(self.tensors, self.slots, strict=True):
            was = dict(zip(_SLOTS, slots, strict=True))
            if was["grad_"] is not None and id(was["grad_"]) not in own:
                was["grad_"] = None  # it was not saved
            storage = new[id(was["storage"])]
            was["address"] = address_of(storage, was["offset"], was["dtype"])
            was["storage"], was["device"] = storage, device
            for name, value in was.items():
                exchange.set(x, name, value)
        exchange.commit()
        self.put_back_values()

    def put_back_values(self) -> None:
        """Put back what is not a tensor: containers and streams of random numbers."""
        for again in self._remembered:
            again()
        for generator, state in self._streams:
            generator.set_state(state)
