"""Streams: queues of work on a device, and events, the marks in them.

Work belongs to the current stream of the calling thread.  A device whose runtime has no streams has
one, implicit: the same program runs there, in the order in which it was written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rustorch.device import Device, as_device, at_close
from rustorch.dispatch import contract
from rustorch.errors import ArgumentTypeError, DeviceError, DeviceLostError
from rustorch.runtime import opened


class _OnlyMark:
    """An event of a device without streams: all work before it was waited for."""

    def __init__(self) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        """Do nothing: it was reached when it was made."""

    def query(self) -> bool:
        return True

    def elapsed_time(self, later: _OnlyMark) -> float:
        return (later.time - self.time) * 1e3


class _OnlyStream:
    """The one stream of a device without streams."""

    def __init__(self, device: Device) -> None:
        self.synchronize = device.runtime.synchronize

    def query(self) -> bool:
        self.synchronize()
        return True

    def record(self) -> _OnlyMark:
        self.synchronize()
        return _OnlyMark()

    def wait(self, event: Any) -> None:
        """Do nothing: what comes later in the one stream is done later."""


#: Per device with streams beside the one it began with: one more, for tensors that work of all of them reads.
_common: dict[Device, contract.Stream] = {}


def _drop_common(device: Device) -> None:
    _common.pop(device, None)


at_close.append(_drop_common)


@contextmanager
def for_all_streams(device: Device) -> Iterator[None]:
    """Have what a ``with`` block submits done at its end, so that the work of any stream may read it.

    It waits for no stream of a program, and for nothing at all where there is only one.
    """
    common = _common.get(device)
    if common is None:
        yield
        return
    runtime: Any = device.runtime
    outer = runtime.current_stream()
    runtime.set_stream(common)
    try:
        yield
        common.synchronize()
    finally:
        runtime.set_stream(outer)


def wait_for_all_streams() -> None:
    """Wait for every device that has more than one stream."""
    for device in list(_common):
        with suppress(DeviceLostError):  # then nothing runs there any more
            device.runtime.synchronize()


class Stream:
    """A queue of work on a device.

    The first one of a device waits for the device.

    Args:
        device: the default device if None.
        priority: lower numbers are served first, where the device tells them apart.

    >>> import rustorch
    >>> side = rustorch.Stream()
    >>> with rustorch.stream(side):
    ...     y = rustorch.ones(3) * 2
    >>> rustorch.current_stream().wait_stream(side)
    >>> y.tolist()
    [2.0, 2.0, 2.0]
    """

    def __init__(self, device: Device | str | int | None = None, *, priority: int = 0) -> None:
        self.device = opened(as_device(device))
        make = getattr(self.device.runtime, "new_stream", None)
        if make and self.device not in _common:
            self.device.runtime.synchronize()  # what is kept for later work was made without a thought of streams
            _common[self.device] = make(0)
        self.of_runtime: contract.Stream = make(priority) if make else _OnlyStream(self.device)
        self._outer: list[Any] = []

    def synchronize(self) -> None:
        """Wait until all work submitted to this stream is done; its errors are raised here."""
        self.of_runtime.synchronize()

    def query(self) -> bool:
        """Return whether all work submitted to this stream is done."""
        return self.of_runtime.query()

    def record_event(self, event: Event | None = None) -> Event:
        """Put a mark after the work submitted so far; return it."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Hold back the work submitted from now on until `event` is reached; return at once."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Hold back the work submitted from now on until that submitted to `stream` so far is done."""
        self.wait_event(stream.record_event())

    def __enter__(self) -> Stream:
        self._outer.append(_make_current(self))
        return self

    def __exit__(self, *_exc: object) -> None:
        _restore(self.device, self._outer.pop())

    def __repr__(self) -> str:
        return f"<stream of {self.device}>"


class Event:
    """A mark in a stream, reached when the work submitted before it is done.

    Raises:
        DeviceError: by every method, while nothing was recorded.
    """

    def __init__(self) -> None:
        self._mark: contract.Event | None = None
        self.device: Device | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Put the mark after the work submitted so far to `stream`, the current one if None."""
        stream = current_stream() if stream is None else stream
        self._mark = stream.of_runtime.record()
        self.device = stream.device

    def wait(self, stream: Stream | None = None) -> None:
        """Hold back the later work of `stream` (the current one if None) until the mark is reached.

        A stream of another device cannot wait by itself, so there the calling thread waits.
        """
        mark = self._recorded()
        stream = current_stream(self.device) if stream is None else stream
        if stream.device is self.device:
            stream.of_runtime.wait(mark)
        else:
            mark.synchronize()

    def synchronize(self) -> None:
        """Wait until the mark is reached."""
        self._recorded().synchronize()

    def query(self) -> bool:
        """Return whether the mark is reached."""
        return self._recorded().query()

    def elapsed_time(self, end_event: Event) -> float:
        """Return the milliseconds from this mark to a later one of the same device."""
        start, end = self._recorded(), end_event._recorded()
        if self.device is not end_event.device:
            raise DeviceError(
                f"elapsed_time: two events of one device are required, got {self.device} and {end_event.device}"
            )
        return float(start.elapsed_time(end))

    def _recorded(self) -> contract.Event:
        if self._mark is None:
            raise DeviceError("event: it must be recorded first", hint="call record() on it or on a stream")
        return self._mark


def current_stream(device: Device | str | int | None = None) -> Stream:
    """Return the stream that the calling thread's work on a device goes to.

    Args:
        device: the default device if None.
    """
    found = Stream.__new__(Stream)
    found.device = opened(as_device(device))
    current = getattr(found.device.runtime, "current_stream", None)
    found.of_runtime = current() if current else _OnlyStream(found.device)
    found._outer = []
    return found


@contextmanager
def stream(stream: Stream | None) -> Iterator[Stream | None]:
    """Send the calling thread's work on the stream's device to it, in a ``with`` block; None changes nothing."""
    if stream is None:
        yield None
        return
    if not isinstance(stream, Stream):
        raise ArgumentTypeError(f"stream: a rustorch.Stream is required, got {type(stream).__name__}")
    outer = _make_current(stream)
    try:
        yield stream
    finally:
        _restore(stream.device, outer)


def _make_current(stream: Stream) -> Any:
    runtime: Any = stream.device.runtime
    if not hasattr(runtime, "set_stream"):
        return None
    outer = runtime.current_stream()
    runtime.set_stream(stream.of_runtime)
    return outer


def _restore(device: Device, outer: Any) -> None:
    if outer is not None:
        runtime: Any = device.runtime
        runtime.set_stream(outer)
