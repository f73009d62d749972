"""``rustorch.migrate``: everything that trains, from one device to another, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rustorch.device import Device
from rustorch.errors import ArgumentError, DTypeError, OutOfMemoryError
from rustorch.hardware.holdings import Holdings
from rustorch.hardware.moving import Exchange, copied, stage_for
from rustorch.hardware.sharing import sharing
from rustorch.runtime import opened
from rustorch.storage import OwnedStorage, Storage


@dataclass(frozen=True, slots=True)
class Migration:
    """What :func:`rustorch.migrate` has moved."""

    device: Device  # where to
    sources: tuple[Device, ...]  # where from
    tensors: int  # tensors that show memory of the new device now
    storages: int  # pieces of memory that were copied
    nbytes: int  # their size
    direct_nbytes: int  # how much of it went from device to device without a detour through the host

    def __str__(self) -> str:
        places = ", ".join(map(str, self.sources)) or "nowhere"
        return (
            f"moved {self.tensors} tensors ({self.nbytes} bytes in {self.storages} storages, "
            f"{self.direct_nbytes} of them directly) from {places} to {self.device}"
        )


def migrate(*things: Any, to: Device | str) -> Migration:
    """Move models, optimizers and tensors to another device, in place; on failure nothing has changed.

    Everything that the things hold moves: parameters, gradients, buffers, what an optimizer remembers,
    tensors in plain attributes of modules.  Every tensor stays the same object, so what refers to it
    goes on; tied weights stay tied, and tensors that share memory share it afterwards, also those that
    somebody else holds (a NumPy array over the old memory stays behind).  Attributes of modules and
    trainers that name a device which is left name the new one.

    A learning-rate schedule holds no tensors; its optimizer, which it refers to, moves.  Random numbers
    need no moving: a stream belongs to no device, so dropout goes on with the masks it would have drawn.

    First everything is copied, then the copies take the place of the originals in one step, then the old
    memory is freed.  For that moment both devices hold everything; a copy through host memory takes at
    most 16 MiB there at a time.  Call it between two steps: no other thread may use the tensors meanwhile.

    Args:
        things: modules, optimizers, schedules, trainers, tensors; dicts and lists of these.
        to: the device.

    Returns:
        what was moved; empty if everything is there already.

    Raises:
        ArgumentTypeError: for a thing that can hold no tensor.
        ArgumentError: if no tensor is found at all.
        AutogradError: if a graph through a tensor can still be differentiated.
        DTypeError: if the device lacks a dtype; names the tensor.
        OutOfMemoryError: if not everything fits there.
        DeviceError: if the device cannot be opened.

    >>> import rustorch
    >>> model = rustorch.nn.Linear(2, 1)
    >>> optimizer = rustorch.optim.Adam(model.parameters())
    >>> rustorch.migrate(model, optimizer, to="reference").device
    device(type='reference', index=0)
    >>> model.weight.device
    device(type='reference', index=0)
    """
    device = opened(Device(to))
    held = Holdings(things, "migrate")
    if not held.tensors and not held.lazy:
        kinds = ", ".join(type(thing).__name__ for thing in things) or "no arguments"
        raise ArgumentError(f"migrate: at least one tensor is required, got none in {kinds}")
    return _moved(held, device)


def _moved(held: Holdings, device: Device) -> Migration:
    """Copy everything, then swap the copies in."""
    tensors = [x for x in sharing(held, "migrate") if x.device is not device]
    lazy = [x for x in held.lazy if x.device is not device]
    _check_dtypes([*tensors, *lazy], device, held)
    left = tuple(dict.fromkeys(x.device for x in (*tensors, *lazy)))
    old = list({id(x.storage): x.storage for x in tensors}.values())
    new, direct = _copies(old, left, device)
    exchange = Exchange()
    exchange.put(tensors, new, device)
    for x in lazy:
        exchange.set(x, "device", device)
    for holder, name in held.naming(left):
        exchange.set(holder, name, device)
    result = Migration(device, left, len(tensors), len(old), sum(storage.nbytes for storage in old), direct)
    exchange.commit()
    for table in held.hypers:
        table.leave(left)
    return result


def _copies(
    old: list[Storage], left: Iterable[Device], device: Device
) -> tuple[dict[int, OwnedStorage], int]:
    """Return copies of all storages by the id of the original, and how many bytes went directly."""
    new: dict[int, OwnedStorage] = {}
    stage = stage_for(old)
    direct = needed = 0
    try:
        for source in left:
            source.runtime.synchronize()  # work on streams other than the current one
        for storage in old:
            needed += storage.nbytes
            new[id(storage)], straight = copied(storage, device, stage)
            direct += storage.nbytes if straight else 0
        device.runtime.synchronize()  # errors of the copies appear here, while nothing has changed
    except BaseException as error:
        new.clear()  # the traceback of the error would keep their memory
        if isinstance(error, OutOfMemoryError):
            raise OutOfMemoryError(
                f"migrate: more memory is required on device {device}, got none left after {needed} bytes; "
                f"nothing was moved ({error})"
            ) from error
        raise
    return new, direct


def _check_dtypes(tensors: Iterable[Any], device: Device, held: Holdings) -> None:
    for x in tensors:
        if x.dtype.name not in device.info.dtypes:
            raise DTypeError(
                f"migrate: {held.name(x)} is {x.dtype.name}, which does not exist on device {device}",
                hint=f"convert it first, e.g. with model.to(...); there are {', '.join(sorted(device.info.dtypes))}",
            )
