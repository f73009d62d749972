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

_lock = threading.RLock()  # MLX asks its users to let one thread at a time evaluate
_written: dict[int, Buffer] = {}  # since the last submission
_size = [0, 0]  # writes and bytes of these


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

    def write(self, array: mx.array) -> None:
        """Replace all elements."""
        self.array = array
        _written[id(self)] = self
        _size[0] += 1
        _size[1] += self.nbytes
        if _size[0] >= WRITES or _size[1] >= BYTES:
            submit()

    def forget(self) -> None:
        """Drop the elements; may be called by a finalizer, at any point of this module."""
        _written.pop(id(self), None)
        self.array = None


def submit() -> None:
    """Start to compute all that a buffer still holds."""
    global _written
    with _lock:
        written, _written = _written, {}
        _size[:] = 0, 0
        mx.async_eval([array for buffer in written.values() if (array := buffer.array) is not None])


def value(array: mx.array) -> mx.array:
    """Compute an array and return it."""
    with _lock:
        mx.eval(array)
    return array


def finish(streams: Iterable[mx.Stream]) -> None:
    """Submit everything and wait for streams."""
    submit()
    with _lock:
        for stream in streams:
            mx.synchronize(stream)
