"""Storage: one allocation on one device, shared by all views of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch._fastpath import owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from rustorch.device import Device
    from rustorch.dispatch.contract import Buffer


class Storage:
    """A buffer and a version that counts in-place changes.

    `version` is how autograd notices that a tensor it saved has changed since.
    """

    __slots__ = ("__weakref__", "buffer", "device", "nbytes", "version")

    buffer: Buffer
    device: Device
    nbytes: int
    version: int


@owner  # at its end it calls free(buffer, nbytes)
class OwnedStorage(Storage):
    """A storage that gives its buffer back at its end; made by :func:`rustorch.base.allocate`."""

    __slots__ = ("free",)

    free: Callable[[Buffer, int], None]


class BorrowedStorage(Storage):
    """A storage over memory that `owner` keeps alive, such as a NumPy array."""

    __slots__ = ("owner",)

    def __init__(self, device: Device, buffer: Buffer, nbytes: int, owner: Any) -> None:
        self.buffer = buffer
        self.device = device
        self.nbytes = nbytes
        self.version = 0
        self.owner = owner
