"""When MLX computes.

MLX arrays are immutable and lazy: an operation only adds a node to a graph.  A `Buffer` is the one
mutable thing here, a holder of a flat array, and writing to it replaces the array.  Left alone, the
graph would grow for as long as nobody reads a result, and keep every intermediate alive; so after so
many writes, or bytes, what is still held by a buffer is submitted.  What was freed before that is
never computed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import mlx.core as mx

#: Writes, and bytes written, after which the graph is submitted.
WRITES = 100
BYTES = 1 << 26


class Buffer:
    """Memory of the device as the core sees it: `nbytes` bytes that can be read as any dtype."""

    __slots__ = ("array", "nbytes")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.array: mx.array | None = None  # flat, of the dtype last written; None: never written

    def read(self, dtype: mx.Dtype) -> mx.array:
        """Return all elements as a flat array."""
        if self.array is None:
            return mx.zeros(self.nbytes // dtype.size, dtype)
        return self.array if self.array.dtype == dtype else self.array.view(dtype)


class Graph:
    """What buffers hold that is not yet submitted.  One for all threads and streams."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # MLX asks its users to let one thread at a time evaluate
        self._written: dict[int, Buffer] = {}
        self._writes = self._bytes = 0

    def write(self, buffer: Buffer, array: mx.array) -> None:
        """Replace all elements of a buffer."""
        buffer.array = array
        self._written[id(buffer)] = buffer
        self._writes += 1
        self._bytes += buffer.nbytes
        if self._writes >= WRITES or self._bytes >= BYTES:
            self.submit()

    def forget(self, buffer: Buffer) -> None:
        """Drop the elements of a buffer; may be called by a finalizer, in the midst of the other methods."""
        self._written.pop(id(buffer), None)
        buffer.array = None

    def submit(self) -> None:
        """Start to compute all that a buffer still holds."""
        with self._lock:
            written, self._written = self._written, {}
            self._writes = self._bytes = 0
            mx.async_eval([array for buffer in written.values() if (array := buffer.array) is not None])

    def value(self, array: mx.array) -> mx.array:
        """Compute an array and return it."""
        with self._lock:
            mx.eval(array)
        return array

    def finish(self, streams: Iterable[mx.Stream]) -> None:
        """Submit everything and wait for streams."""
        self.submit()
        with self._lock:
            for stream in streams:
                mx.synchronize(stream)


graph = Graph()
