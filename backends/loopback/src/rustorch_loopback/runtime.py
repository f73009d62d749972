"""The runtime of one device: memory in stream order, copies, waiting, and the end of the device."""

from __future__ import annotations

import platform
import threading
import weakref
from collections import defaultdict, deque
from functools import partial

import numpy as np

from rustorch.errors import DeviceError, DeviceLostError, OutOfMemoryError
from rustorch.plugins import DeviceInfo
from rustorch_loopback import faults, process
from rustorch_loopback.blocks import Block, block_at, live, size_for
from rustorch_loopback.memory import Memory
from rustorch_loopback.options import options
from rustorch_loopback.streams import Event, Stream
from rustorch_reference.dtypes import ALL


class _Current(threading.local):
    stream: Stream | None = None


class LoopbackRuntime:
    """One device.  A buffer is an address that traps."""

    def __init__(self, ordinal: int) -> None:
        self.name = f"loopback:{ordinal}"
        self.memory = Memory(options.memory)
        self.lost = ""  # why, once it is
        self.streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._errors: deque[BaseException] = deque()
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._cache: dict[tuple[int, int], deque[Block]] = defaultdict(deque)  # by stream and size
        self._returned: deque[int] = deque()  # bytes that `free` took back and nobody has counted yet
        self._allocated = self._peak = self._reserved = self._reused = self._carved = 0
        self._live, self._process = live, process  # `free` may be called after this module's end
        self._default = self.new_stream(0)
        self._current = _Current()

    # -- memory

    def allocate(self, nbytes: int) -> int:
        self.check()
        number = faults.failing_allocation(self.name) if faults.active else 0
        if number:
            raise OutOfMemoryError(
                f"{self.name}: cannot allocate {nbytes} bytes: allocation {number} was to fail"
            )
        stream = self.current_stream()
        size = size_for(nbytes)
        cached = self._cache[stream.number, size]
        try:
            block = cached.pop()
        except IndexError:
            block = self._carve(stream, size, nbytes)
            block.poison()  # at once: nobody else has it yet
            block.guard(nbytes)
            block.nbytes = nbytes
        if block.nbytes != nbytes:
            stream.submit(lambda: block.guard(nbytes))
            block.nbytes = nbytes
        live[block.address] = block
        with self._lock:
            self._settle()
            self._allocated += nbytes
            self._peak = max(self._peak, self._allocated)
        return block.address

    def free(self, buffer: int, nbytes: int) -> None:
        block = self._live.pop(buffer, None)
        if block is None or self._process.forked:
            return  # lost, or the memory of the parent process
        stream = block.stream
        for user in block.users:
            event = Event(self)
            user.submit(event)
            stream.submit(event.pass_by)
        block.users = ()
        stream.submit(block.retire)
        self._cache[stream.number, block.size].append(block)
        self._returned.append(nbytes)

    def record_stream(self, buffer: int, stream: Stream) -> None:
        block = block_at(buffer)
        if stream is not block.stream and stream not in block.users:
            block.users += (stream,)

    def empty_cache(self) -> None:
        self.synchronize()
        with self._lock:
            for cached in list(self._cache.values()):
                while cached:
                    block = cached.pop()
                    self.memory.give(block.start, block.size)
                    self._reserved -= block.size
            self.memory.release()

    def memory_stats(self) -> dict[str, int]:
        with self._lock:
            self._settle()
            return {
                "allocated": self._allocated,
                "peak": self._peak,
                "reserved": self._reserved,
                "limit": self.memory.nbytes,
            }

    def _carve(self, stream: Stream, size: int, nbytes: int) -> Block:
        with self._lock:
            start = self.memory.take(size)
            if start is None:
                self.empty_cache()
                start = self.memory.take(size)
            if start is None:
                self._settle()
                raise OutOfMemoryError(
                    f"{self.name}: cannot allocate {nbytes} bytes: {self._allocated} of {self.memory.nbytes} are in use"
                )
            self._reserved += size
        return Block(self, stream, start, size)

    def _settle(self) -> None:
        while self._returned:
            self._allocated -= self._returned.popleft()

    # -- copies

    def copy_from_host(self, buffer: int, offset: int, source: memoryview) -> None:
        self.check()
        data = np.frombuffer(bytes(source), np.uint8)  # the caller may change its memory at once
        target = _bytes(buffer, offset, data.size)
        self.current_stream().submit(lambda: np.copyto(target, data))

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        self.check()
        source = _bytes(buffer, offset, target.nbytes)
        stream = self.current_stream()
        stream.submit(lambda: np.copyto(np.frombuffer(target, np.uint8), source))
        stream.synchronize()

    def copy_from_peer(
        self, buffer: int, offset: int, source_runtime: object, source: int, source_offset: int, nbytes: int
    ) -> bool:
        if not isinstance(source_runtime, LoopbackRuntime):
            return False
        self.check()
        target = _bytes(buffer, offset, nbytes)
        data = _bytes(source, source_offset, nbytes)
        here, there = self.current_stream(), source_runtime.current_stream()
        here.submit(there.record().pass_by)
        here.submit(lambda: np.copyto(target, data))
        there.submit(here.record().pass_by)  # the source is not to change before it is copied
        return True

    # -- order

    def new_stream(self, priority: int) -> Stream:
        stream = Stream(self, process.next_number(), priority)
        self.streams.add(stream)
        return stream

    def current_stream(self) -> Stream:
        return self._current.stream or self._default

    def set_stream(self, stream: Stream) -> None:
        self._current.stream = stream

    def synchronize(self) -> None:
        self.check()
        for stream in list(self.streams):
            stream.submit(partial(_check_blocks, stream))
        for event in [stream.record() for stream in list(self.streams)]:
            event.pass_by()
        self.raise_pending()

    def note(self, error: BaseException) -> None:
        """Keep an error of submitted work for the next one who waits."""
        self._errors.append(error)

    def raise_pending(self) -> None:
        """Raise the first error of submitted work; what failed after it may only be its consequence."""
        self.check()
        if self._errors:
            first = self._errors.popleft()
            self._errors.clear()
            raise first

    # -- the device

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            name="host memory that behaves like the worst hardware",
            arch=platform.machine(),
            total_memory=self.memory.nbytes,
            dtypes=ALL,
        )

    def lose(self, why: str) -> None:
        """Stop working for good."""
        self.lost = why

    def check(self) -> None:
        """Raise if the device cannot be used."""
        if self.lost:
            raise DeviceLostError(
                f"{self.name}: the device was lost: {self.lost}",
                hint="rustorch_loopback.reset() brings it back, empty",
            )
        if process.forked:
            raise DeviceError(
                f"{self.name}: a forked process cannot use a device that its parent opened",
                hint="start processes with the method 'spawn' or 'forkserver'",
            )

    def close(self) -> None:
        """Forget all memory and end the workers; what the core still holds is lost."""
        self.lose("it was reset")
        for address in [a for a, block in list(live.items()) if block.runtime is self]:
            live.pop(address, None)
        for stream in list(self.streams):
            stream.end()


def _check_blocks(stream: Stream) -> None:
    """Check the guards of the blocks of a stream; done by its worker, as the guards are written there."""
    for block in list(live.values()):
        if block.stream is stream:
            block.check()


def _bytes(buffer: int, offset: int, nbytes: int) -> np.ndarray:
    """Return a part of a buffer, for the workers."""
    block = block_at(buffer)
    if offset < 0 or offset + nbytes > block.nbytes:
        raise DeviceError(
            f"{block.runtime.name}: a copy of {nbytes} bytes from {offset} leaves a buffer of {block.nbytes} bytes"
        )
    return block.buffer[offset : offset + nbytes]
