"""Streams are command queues, events are markers in them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import pyopencl as cl

from rustorch.errors import DeviceError

if TYPE_CHECKING:
    from rustorch_opencl.runtime import OpenCLRuntime

_DONE = cl.command_execution_status.COMPLETE  # 0; of failed commands the status is negative


class Event:
    """A mark in a stream."""

    def __init__(self, event: cl.Event) -> None:
        self.event = event

    def synchronize(self) -> None:
        """Wait until the mark is reached."""
        self.event.wait()

    def query(self) -> bool:
        """Return whether it has been reached."""
        return self.event.command_execution_status <= _DONE

    def elapsed_time(self, later: Event) -> float:
        """Return the milliseconds from this mark to a later one."""
        cl.wait_for_events([self.event, later.event])
        return (later.event.profile.end - self.event.profile.end) * 1e-6


class Stream:
    """An in-order command queue, with a place where its kernels report errors.

    A kernel that meets a bad index or divisor writes a code to `status` and goes on; the host reads
    it when it waits for the stream, and raises.
    """

    def __init__(self, runtime: OpenCLRuntime) -> None:
        properties = cl.command_queue_properties.PROFILING_ENABLE
        self.queue = cl.CommandQueue(runtime.context, properties=properties)
        self.status = cl.Buffer(runtime.context, cl.mem_flags.READ_WRITE, 16)
        self.unread = True  # whether a kernel may have written to `status`
        self._errors = runtime.errors
        self._lock = runtime.lock
        self._last: cl.Event | None = None
        self._uploads: deque[cl.Event] = deque()  # each holds the host memory that it copies from
        self._clear()

    def submitted(self, event: cl.Event) -> None:
        """Note the last command, for `query`."""
        self._last = event

    def upload(self, memory: cl.Buffer, offset: int, source: bytes) -> None:
        """Start a copy from host memory that nobody changes, and keep that memory until it is done."""
        with self._lock:
            while self._uploads and self._uploads[0].command_execution_status <= _DONE:
                self._uploads.popleft()
            event = cl.enqueue_copy(self.queue, memory, source, dst_offset=offset, is_blocking=False)
            self._uploads.append(event)
            self._last = event

    def download(self, target: memoryview, memory: cl.Buffer, offset: int) -> None:
        """Copy to host memory, after all work of this stream."""
        try:
            cl.enqueue_copy(self.queue, target, memory, src_offset=offset, is_blocking=True)
        except cl.Error as error:
            raise DeviceError(f"opencl: a copy to the host failed: {error}") from error
        self._raise_error()

    def synchronize(self) -> None:
        """Wait for all work of this stream; raise the first error that its kernels reported."""
        try:
            self.queue.finish()
        except cl.Error as error:
            raise DeviceError(f"opencl: the device failed: {error}") from error
        self._uploads.clear()
        self._raise_error()

    def query(self) -> bool:
        """Return whether all work is done."""
        return self._last is None or self._last.command_execution_status <= _DONE

    def record(self) -> Event:
        """Return a mark after the work submitted so far."""
        event = cl.enqueue_marker(self.queue)
        self.queue.flush()  # another queue may wait for it
        self._last = event
        return Event(event)

    def wait(self, event: Any) -> None:
        """Hold back later work until the mark is reached."""
        self._last = cl.enqueue_barrier(self.queue, wait_for=[event.event])

    def _raise_error(self) -> None:
        if not self.unread:
            return
        self.unread = False
        found = np.zeros(2, np.int64)
        cl.enqueue_copy(self.queue, found, self.status)
        code = int(found.view(np.int32)[0])
        if code:
            self._clear()
            kind, text = self._errors[code]
            raise kind(text.format(found[1]))

    def _clear(self) -> None:
        cl.enqueue_fill_buffer(self.queue, self.status, np.int64(0), 0, 16).wait()
        self.unread = False
