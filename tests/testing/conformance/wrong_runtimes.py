"""Deliberately wrong runtimes: the loopback device, whose work is late, with one mistake about order or memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "backends" / "loopback" / "src"))

import rustorch_loopback
from rustorch.plugins import BackendInfo, hookimpl, register, unregister
from rustorch_loopback.kernels import KERNELS
from rustorch_loopback.runtime import LoopbackRuntime
from rustorch_loopback.streams import Event, Stream


class Right(LoopbackRuntime):
    """No mistake; all streams of a subclass may be of a class of its own."""

    stream_class: type[Stream] = Stream

    def new_stream(self, priority: int) -> Stream:
        stream = super().new_stream(priority)
        stream.__class__ = self.stream_class
        return stream


class CopyToHostDoesNotWait(Right):
    """A copy into pageable memory taken for one that waits."""

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        source = rustorch_loopback.runtime._bytes(buffer, offset, target.nbytes)
        self.current_stream().submit(lambda: np.copyto(np.frombuffer(target, np.uint8), source))


class HostMemoryIsReadLater(Right):
    """An asynchronous copy from memory that the caller goes on using."""

    def copy_from_host(self, buffer: int, offset: int, source: memoryview) -> None:
        data = np.frombuffer(source, np.uint8)
        target = rustorch_loopback.runtime._bytes(buffer, offset, data.size)
        self.current_stream().submit(lambda: np.copyto(target, data))


class OffsetOfCopiesIsIgnored(Right):
    """Copies start at the beginning of the buffer."""

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        super().copy_to_host(target, buffer, 0)


class _NeverWaits(Stream):
    def wait(self, event: Event) -> None:
        self.runtime.check()


class StreamsDoNotWait(Right):
    """A wait for an event that was lost on its way to the driver."""

    stream_class = _NeverWaits


class _AtOnce(Event):
    def synchronize(self) -> None:
        return

    def query(self) -> bool:
        return True


class _MarksAtOnce(Stream):
    def record(self) -> Event:
        event = _AtOnce(self.runtime)
        self.submit(event)
        return event


class EventsAreReachedAtOnce(Right):
    """Events that say that they are reached before they are."""

    stream_class = _MarksAtOnce


class SynchronizeWaitsForOneStream(Right):
    """Only the current stream is waited for."""

    def synchronize(self) -> None:
        self.current_stream().synchronize()


class RecordStreamIsIgnored(Right):
    """Memory used on a second stream is given away when the first has finished with it."""

    def record_stream(self, buffer: int, stream: Stream) -> None:
        return


class FreedMemoryServesAllStreams(Right):
    """One list of free blocks for all streams."""

    def allocate(self, nbytes: int) -> int:
        here = self.current_stream()
        size = rustorch_loopback.runtime.size_for(nbytes)
        for (number, free), cached in list(self._cache.items()):
            if free == size and number != here.number and cached:
                block = cached.pop()
                block.stream = here
                self._cache[here.number, size].append(block)
                break
        return super().allocate(nbytes)


class OneCurrentStreamForAllThreads(Right):
    """The current stream is a global variable."""

    def set_stream(self, stream: Stream) -> None:
        self._everywhere = stream

    def current_stream(self) -> Stream:
        return getattr(self, "_everywhere", None) or super().current_stream()


class FreedMemoryIsNeverFree(Right):
    """`free` does nothing."""

    def free(self, buffer: int, nbytes: int) -> None:
        return


class NoMemoryIsNone(Right):
    """`allocate` returns None where there is none left."""

    def allocate(self, nbytes: int) -> Any:
        try:
            return super().allocate(nbytes)
        except MemoryError:
            return None


WRONG_RUNTIMES: list[type[Right]] = [
    CopyToHostDoesNotWait,
    HostMemoryIsReadLater,
    OffsetOfCopiesIsIgnored,
    StreamsDoNotWait,
    EventsAreReachedAtOnce,
    SynchronizeWaitsForOneStream,
    RecordStreamIsIgnored,
    FreedMemoryServesAllStreams,
    OneCurrentStreamForAllThreads,
    FreedMemoryIsNeverFree,
    NoMemoryIsNone,
]


class _Plugin:
    def __init__(self, device: str, runtime: type[Right]) -> None:
        self.device, self.runtime = device, runtime

    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo(self.device, priority=-1000)]

    @hookimpl
    def rustorch_open(self, name: str, ordinal: int) -> Any:
        return self.runtime(ordinal) if name == self.device else None

    @hookimpl
    def rustorch_kernels(self, name: str) -> Any:
        return KERNELS if name == self.device else []


@contextmanager
def running(runtime: type[Right], device: str = "late") -> Iterator[str]:
    """Register a device with this runtime for a ``with`` block; nearly all its work is late."""
    register(_Plugin(device, runtime), device)
    try:
        with rustorch_loopback.configured(delay=0.001, delayed=0.5):
            yield device
    finally:
        unregister(device)
