"""Streams of MLX under the names of the contract.

A result knows what it is made from, whatever stream computes it, so MLX itself keeps streams in order
where one uses what another wrote.  It does not tell when work is done short of waiting for it.
"""

from __future__ import annotations

import threading
import time
from weakref import WeakSet

import mlx.core as mx

from rustorch_mlx.graph import graph

#: All that are in use.
streams: WeakSet[MLXStream] = WeakSet()


class MLXStream:
    """A queue of work that every thread may use."""

    def __init__(self) -> None:
        self.stream = mx.new_thread_unsafe_stream(mx.default_device())
        streams.add(self)

    def synchronize(self) -> None:
        graph.finish([self.stream])

    def query(self) -> bool:
        self.synchronize()
        return True

    def record(self) -> MLXEvent:
        self.synchronize()
        return MLXEvent()

    def wait(self, event: MLXEvent) -> None:
        """Do nothing: the event was reached when it was made."""


class MLXEvent:
    """A moment at which all earlier work of a stream was done."""

    def __init__(self) -> None:
        self.time = time.perf_counter()

    def synchronize(self) -> None:
        """Do nothing: it was reached when it was made."""

    def query(self) -> bool:
        return True

    def elapsed_time(self, later: MLXEvent) -> float:
        return (later.time - self.time) * 1e3


class _Current(threading.local):
    """The stream of the calling thread."""

    stream = MLXStream()


current = _Current()
