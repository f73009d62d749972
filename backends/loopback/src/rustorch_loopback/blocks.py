"""Blocks: pieces of device memory between guards, full of poison while they mean nothing.

A block is ``guard | the user's bytes | guard up to the end``.  Poison is NaN as a float of any size, out
of range as an index, and neither 0 nor 1 as a bool.  The guards hold the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rustorch.errors import DeviceError, DeviceLostError

if TYPE_CHECKING:
    from rustorch_loopback.runtime import LoopbackRuntime
    from rustorch_loopback.streams import Stream

GUARD = 64  # bytes, at least
POISON = np.uint64(0x7FF57FF57FF57FF5)
_PATTERN = (
    POISON.tobytes() * GUARD,
    np.roll(np.frombuffer(POISON.tobytes() * GUARD, np.uint8), -1).tobytes(),
)

#: What the core holds of all devices: address -> block.
live: dict[int, Block] = {}


def block_at(address: int) -> Block:
    """Return the block that the core calls by this address."""
    block = live.get(address)
    if block is None:
        raise DeviceLostError(
            f"loopback: there is no buffer at {address:#x}: it was freed, or its device was reset since"
        )
    return block


@lru_cache(maxsize=4096)
def size_for(nbytes: int) -> int:
    """Return the size of the block for `nbytes`: rounded, so that blocks of few sizes serve again and again."""
    step = max(64, 1 << max(0, nbytes.bit_length() - 4))  # at most an eighth is wasted
    return GUARD + max(1, -(-nbytes // step)) * step + GUARD


class Block:
    """One allocation.

    The host side is written by the threads that allocate and free, the device side by the workers of
    streams, later: in the meantime the block may have been given to somebody else.
    """

    __slots__ = (
        "address", "buffer", "end", "fence", "front", "nbytes", "runtime", "size", "start", "stream", "users", "words",
    )  # fmt: skip

    def __init__(self, runtime: LoopbackRuntime, stream: Stream, start: int, size: int) -> None:
        # host side
        self.runtime = runtime
        self.stream = stream  # whose later work may have the memory once it is free
        self.users: tuple[Stream, ...] = ()  # other streams that use it
        self.start = start  # where it is in the device's memory
        self.size = size
        self.nbytes = -1  # of the user
        self.address = runtime.memory.address + start + GUARD  # what the core gets, and what traps
        # device side
        whole = runtime.memory.bytes[start : start + size]
        self.front = whole[:GUARD]
        self.buffer = whole[GUARD:]  # what kernels get: one that writes too far hits the guard
        self.words = self.buffer.view(np.uint64)
        self.end = 0
        self.fence = self.front

    def poison(self) -> None:
        """Make a new block look as bad as it can."""
        self.words[:] = POISON
        self.front[:] = self.buffer[:GUARD]

    def guard(self, nbytes: int) -> None:
        """Let the user's bytes be the first `nbytes`."""
        self.end = nbytes
        self.fence = self.buffer[nbytes : nbytes + 2 * GUARD]

    def retire(self) -> None:
        """Poison a block that was given back."""
        try:
            self.check()
        finally:
            self.words[:] = POISON

    def check(self) -> None:
        """Raise if anything was written beside the user's bytes, and repair it."""
        for guard, begin, place in (
            (self.front, 0, "before its start"),
            (self.fence, self.end, "beyond its end"),
        ):
            whole = _PATTERN[begin % 2][: guard.size]
            if guard.tobytes() != whole:
                guard[:] = np.frombuffer(whole, np.uint8)
                raise DeviceError(
                    f"{self.runtime.name}: a kernel wrote {place} into the guard of a buffer of {self.end} bytes"
                )
