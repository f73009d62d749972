"""Memory and streams of the one MLX device: Metal where there is a GPU, else the processor."""

from __future__ import annotations

import threading
from importlib.metadata import version

import mlx.core as mx
import numpy as np

from rustorch.errors import OutOfMemoryError
from rustorch.plugins import DeviceInfo
from rustorch_mlx.graph import Buffer, graph
from rustorch_mlx.streams import MLXStream, current, streams
from rustorch_mlx.views import ALL, HAS_GPU

#: MLX counts the elements of a dim in 32 bits, and any buffer may be read as bytes.
LARGEST = 2**31 - 1


class MLXRuntime:
    """The default device of MLX."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._allocated = self._peak = 0
        self._graph = graph

    def allocate(self, nbytes: int) -> Buffer:
        if nbytes > LARGEST:
            raise OutOfMemoryError(
                f"mlx: cannot allocate {nbytes} bytes; a tensor here has {LARGEST} at most"
            )
        with self._lock:
            self._allocated += nbytes
            self._peak = max(self._peak, self._allocated)
        return Buffer(nbytes)

    def free(self, buffer: Buffer, nbytes: int) -> None:
        self._graph.forget(buffer)
        with self._lock:
            self._allocated -= nbytes

    def copy_from_host(self, buffer: Buffer, offset: int, source: memoryview) -> None:
        if not source.nbytes:
            return
        values = mx.array(np.frombuffer(source, np.uint8))
        if values.size < buffer.nbytes:
            values = mx.slice_update(buffer.read(mx.uint8), values, mx.array([offset]), axes=[0])
        self._graph.write(buffer, values)

    def copy_to_host(self, target: memoryview, buffer: Buffer, offset: int) -> None:
        if target.nbytes:
            held = self._graph.value(buffer.read(mx.uint8))
            np.frombuffer(target, np.uint8)[:] = np.asarray(held)[offset : offset + target.nbytes]

    def synchronize(self) -> None:
        self._graph.finish([stream.stream for stream in list(streams)])

    def info(self) -> DeviceInfo:
        facts = mx.device_info()
        return DeviceInfo(
            name=f"MLX {version('mlx')}: {facts.get('device_name', mx.default_device())}",
            arch=str(facts.get("architecture", "")),
            total_memory=int(facts.get("memory_size", 0)),
            dtypes=ALL - {"float64"} if HAS_GPU else ALL,
        )

    def memory_stats(self) -> dict[str, int]:
        return {
            "allocated": self._allocated,
            "peak": self._peak,
            "computed": mx.get_active_memory(),
            "cached": mx.get_cache_memory(),
        }

    def empty_cache(self) -> None:
        mx.clear_cache()

    def new_stream(self, _priority: int) -> MLXStream:
        return MLXStream()

    def current_stream(self) -> MLXStream:
        return current.stream

    def set_stream(self, stream: MLXStream) -> None:
        current.stream = stream

    def record_stream(self, buffer: Buffer, stream: MLXStream) -> None:
        """Do nothing: memory lives for as long as work that uses it."""
