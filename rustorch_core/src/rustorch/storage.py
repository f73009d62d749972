"""Storage: one allocation on one device, shared by all views of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dispatch.contract import Buffer, Runtime


class Storage:
    """A buffer with its owner and a version that counts in-place changes.

    `version` is how autograd notices that a tensor it saved has changed since.
    """

    __slots__ = ("__weakref__", "buffer", "device", "nbytes", "owner", "runtime", "version")

    buffer: Buffer
    runtime: Runtime
    owner: Any  # a foreign object whose memory this is (a NumPy array), or None

    def __init__(self, device: Device, nbytes: int) -> None:
        self.owner = device  # nothing to free if the next line raises
        self.runtime = runtime = device.runtime
        self.buffer = runtime.allocate(nbytes)
        self.device = device
        self.nbytes = nbytes
        self.version = 0
        self.owner = None

    @classmethod
    def adopted(cls, device: Device, buffer: Buffer, nbytes: int, owner: object) -> Storage:
        """Return a storage over memory that `owner` keeps alive."""
        self = cls.__new__(cls)
        self.runtime = device.runtime
        self.buffer = buffer
        self.device = device
        self.nbytes = nbytes
        self.version = 0
        self.owner = owner
        return self

    def __del__(self) -> None:
        if self.owner is None:
            self.runtime.free(self.buffer, self.nbytes)
