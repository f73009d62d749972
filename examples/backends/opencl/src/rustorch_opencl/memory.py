"""A caching allocator: freed blocks serve later work of the stream that they were made for."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

import pyopencl as cl

from rustorch.errors import OutOfMemoryError

if TYPE_CHECKING:
    from rustorch_opencl.runtime import OpenCLRuntime
    from rustorch_opencl.streams import Event, Stream

GRANULE = 512  # bytes


class Block:
    """What the core knows as a buffer: an OpenCL memory object and who uses it."""

    __slots__ = ("memory", "nbytes", "runtime", "stream", "users")

    def __init__(self, runtime: OpenCLRuntime, memory: cl.Buffer, stream: Stream) -> None:
        self.runtime = runtime
        self.memory = memory
        self.nbytes = memory.size
        self.stream = stream  # its work may use the memory again without waiting
        self.users: set[Stream] = set()  # other streams that use it


class Allocator:
    """Blocks of one device, by stream and size."""

    def __init__(self, runtime: OpenCLRuntime, capacity: int) -> None:
        self._runtime = runtime
        self._capacity = capacity
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._free: defaultdict[tuple[Stream, int], list[Block]] = defaultdict(list)
        self._shared: list[tuple[Block, list[Event]]] = []  # freed while other streams may still use them
        self._allocated = self._peak = self._reserved = 0

    def allocate(self, nbytes: int, stream: Stream) -> Block:
        """Return a block of at least `nbytes` for work of `stream`."""
        size = size_class(nbytes)
        with self._lock:
            if self._shared:
                self._take_back()
            free = self._free[stream, size]
            block = free.pop() if free else self._fresh(size, stream)
            self._allocated += block.nbytes
            self._peak = max(self._peak, self._allocated)
            return block

    def free(self, block: Block) -> None:
        """Keep a block for later."""
        with self._lock:
            self._allocated -= block.nbytes
            if block.users:
                self._shared.append((block, [user.record() for user in block.users]))
                block.users = set()
            else:
                self._free[block.stream, block.nbytes].append(block)

    def empty_cache(self) -> None:
        """Release all blocks that nobody uses."""
        with self._lock:
            self._take_back()
            for free in self._free.values():
                while free:
                    block = free.pop()
                    self._reserved -= block.nbytes
                    block.memory.release()  # the driver waits for commands that still use it
            self._free.clear()

    def stats(self) -> dict[str, int]:
        """Return counters in bytes."""
        with self._lock:
            return {"allocated": self._allocated, "reserved": self._reserved, "peak": self._peak}

    def _take_back(self) -> None:
        waiting, self._shared = self._shared, []
        for block, events in waiting:
            if all(event.query() for event in events):
                self._free[block.stream, block.nbytes].append(block)
            else:
                self._shared.append((block, events))

    def _fresh(self, size: int, stream: Stream) -> Block:
        context = self._runtime.context
        for attempt in range(2):
            if self._reserved + size <= self._capacity:
                try:
                    memory = cl.Buffer(context, cl.mem_flags.READ_WRITE, size)
                except (
                    cl.MemoryError,
                    cl.LogicError,
                    OverflowError,
                ):  # the last two: more than a buffer can have
                    pass
                else:
                    self._reserved += size
                    return Block(self._runtime, memory, stream)
            if attempt == 0:
                self.empty_cache()
        raise OutOfMemoryError(
            f"opencl: {size} bytes could not be allocated; {self._allocated} bytes are in use, "
            f"the device has {self._capacity}",
            hint="use smaller batches, or delete tensors that are no longer needed",
        )


def size_class(nbytes: int) -> int:
    """Return the size of the block for a request: multiples of 512 bytes, then eighths of a power of two."""
    step = max(GRANULE, 1 << max(nbytes.bit_length() - 4, 0))
    return max((nbytes + step - 1) // step, 1) * step
