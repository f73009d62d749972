"""CuPy's streams and events, under the names of the backend contract."""

from __future__ import annotations

from typing import Any

import cupy

from rustorch_cuda.errors import translating


class Mark:
    """An event."""

    __slots__ = ("event",)

    def __init__(self, event: Any) -> None:
        self.event = event

    def synchronize(self) -> None:
        """Wait until the mark is reached."""
        self.event.synchronize()

    def query(self) -> bool:
        """Return whether it has been reached."""
        return bool(self.event.done)

    def elapsed_time(self, later: Mark) -> float:
        """Return the milliseconds from this mark to a later one."""
        return float(cupy.cuda.get_elapsed_time(self.event, later.event))


class Queue:
    """A stream of one GPU; two objects over the same stream are equal."""

    __slots__ = ("_driver", "ordinal", "stream")

    def __init__(self, driver: Any, ordinal: int, stream: Any) -> None:
        self._driver = driver
        self.ordinal = ordinal
        self.stream = stream

    def synchronize(self) -> None:
        """Wait until all work submitted so far is done; raise what its kernels found wrong."""
        with translating(self.ordinal):
            self.stream.synchronize()
            self._driver.raise_failure(self.stream)

    def query(self) -> bool:
        """Return whether all work submitted so far is done."""
        return bool(self.stream.done)

    def record(self) -> Mark:
        """Return a mark after the work submitted so far."""
        with cupy.cuda.Device(self.ordinal):
            return Mark(self.stream.record(cupy.cuda.Event()))

    def wait(self, event: Mark) -> None:
        """Hold back later work until the mark is reached."""
        self.stream.wait_event(event.event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Queue) and other.stream.ptr == self.stream.ptr

    def __hash__(self) -> int:
        return hash(self.stream.ptr)
