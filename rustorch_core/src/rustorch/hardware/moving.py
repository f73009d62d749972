"""Moving storages in two phases: copy everything, then exchange the handles inside the tensors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.storage import OwnedStorage, Storage

#: Bytes of host memory that a copy through the host takes at a time.
STAGE = 1 << 24


def new_storage(device: Device, nbytes: int) -> OwnedStorage:
    """Return fresh memory on a device; it is given back when nobody refers to it any more."""
    buffer = device.allocate(nbytes)
    storage = object.__new__(OwnedStorage)
    storage.buffer = buffer
    storage.nbytes = nbytes
    storage.free = device.free
    storage.device = device
    storage.version = 0
    return storage


def address_of(storage: Storage, offset: int, dtype: DType) -> Any:
    """Return what a tensor over a storage has as its address."""
    buffer = storage.buffer
    return buffer + offset * dtype.itemsize if buffer.__class__ is int else buffer


def stage_for(storages: Iterable[Storage]) -> memoryview:
    """Return the host memory for a detour; one piece for all, since the pages of fresh memory cost time."""
    return memoryview(bytearray(min(STAGE, max((storage.nbytes for storage in storages), default=0))))


def copied(source: Storage, device: Device, stage: memoryview) -> tuple[OwnedStorage, bool]:
    """Return a copy of a storage on another device, and whether it came without a detour through `stage`."""
    made = new_storage(device, source.nbytes)
    try:
        made.version = source.version
        return made, _fill(made.buffer, device, source, stage)
    except BaseException:
        del made  # the traceback of the error would keep its memory
        raise


def _fill(buffer: Any, device: Device, source: Storage, stage: memoryview) -> bool:
    to, here, nbytes = device.runtime, source.device.runtime, source.nbytes
    peer = getattr(to, "copy_from_peer", None)
    if nbytes and peer is not None and peer(buffer, 0, here, source.buffer, 0, nbytes):
        return True
    for start in range(0, nbytes, len(stage) or 1):
        part = stage[: min(len(stage), nbytes - start)]
        here.copy_to_host(part, source.buffer, start)
        to.copy_from_host(buffer, start, part)
    return False


class Exchange:
    """New handles for tensors, prepared; `commit` puts them in.

    Everything that can fail happens while it is prepared.
    """

    def __init__(self) -> None:
        self._objects: list[Any] = []
        self._names: list[str] = []
        self._values: list[Any] = []

    def set(self, target: Any, name: str, value: Any) -> None:
        """Note one attribute to be set."""
        self._objects.append(target)
        self._names.append(name)
        self._values.append(value)

    def put(self, tensors: Iterable[Any], storages: dict[int, OwnedStorage], device: Device) -> None:
        """Note, for tensors over old storages (by id), the new ones in their place."""
        for x in tensors:
            new = storages[id(x.storage)]
            self.set(x, "storage", new)
            self.set(x, "address", address_of(new, x.offset, x.dtype))
            self.set(x, "device", device)

    def commit(self) -> None:
        """Set all attributes.

        The loop runs in C and calls nothing that is written in Python, so neither an interrupt nor
        another thread finds it half done.  What the attributes held must be kept alive until the end.
        """
        before = [getattr(x, name, None) for x, name in zip(self._objects, self._names, strict=True)]
        deque(map(object.__setattr__, self._objects, self._names, self._values), maxlen=0)
        del before
