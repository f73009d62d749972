"""Memory and order of execution of one GPU.  A buffer is an address of device memory."""

from __future__ import annotations

import threading
from typing import Any

import cupy
import numpy as np
from cupy_backends.cuda.api import runtime as cudart

from rustorch.plugins import DeviceInfo
from rustorch_cuda.cupy_driver import CupyDriver
from rustorch_cuda.errors import translated, translating
from rustorch_cuda.streams import Queue
from rustorch_cuda.types import ALL

_TO_DEVICE, _TO_HOST = 1, 2  # cudaMemcpyKind


class CudaRuntime:
    """One GPU: CuPy's memory pool, which gives memory back in the order of streams, and its streams."""

    def __init__(self, ordinal: int) -> None:
        self.ordinal = ordinal
        with translating(ordinal), cupy.cuda.Device(ordinal):
            self._pool = cupy.cuda.MemoryPool()
            self.driver = CupyDriver(ordinal, self._pool)
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._live: dict[int, tuple[Any, Any]] = {}  # address -> its memory, the stream it was taken on
        self._used_on: dict[int, list[Any]] = {}  # address -> further streams that use it
        self._allocated = 0
        self._peak = 0

    def allocate(self, nbytes: int) -> int:
        """Return the address of memory for the current stream."""
        self.driver.here()
        try:
            memory = self._pool.malloc(max(nbytes, 1))
        except (MemoryError, RuntimeError) as error:
            raise translated(error, self.ordinal) from error
        address: int = memory.ptr
        with self._lock:
            self._live[address] = (memory, cupy.cuda.get_current_stream())
            self._allocated += nbytes
            self._peak = max(self._peak, self._allocated)
        return address

    def free(self, buffer: int, nbytes: int) -> None:
        """Give memory back to the pool, for later work of the stream that it was taken on."""
        with self._lock:
            found = self._live.pop(buffer, None)
            if found is None:
                return  # at the interpreter's end the dictionary may be gone before the last tensor
            self._allocated -= nbytes
            others = self._used_on.pop(buffer, ())
        for stream in others:  # the owner's later work comes after what those streams do with the memory
            found[1].wait_event(stream.record(cupy.cuda.Event(disable_timing=True)))

    def copy_from_host(self, buffer: int, offset: int, source: memoryview) -> None:
        """Copy in the order of the current stream; CUDA has read pageable memory when the call returns."""
        if source.nbytes:
            self.driver.here()
            array = np.frombuffer(source, "u1")
            stream = cupy.cuda.get_current_stream().ptr
            with translating(self.ordinal):
                cudart.memcpyAsync(buffer + offset, array.ctypes.data, source.nbytes, _TO_DEVICE, stream)

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        """Copy after the current stream's work; raise what its kernels found wrong."""
        self.driver.here()
        stream = cupy.cuda.get_current_stream()
        with translating(self.ordinal):
            if target.nbytes:
                array = np.frombuffer(target, "u1")
                cudart.memcpyAsync(array.ctypes.data, buffer + offset, target.nbytes, _TO_HOST, stream.ptr)
            stream.synchronize()
            self.driver.raise_failure(stream)

    def copy_from_peer(
        self, buffer: int, offset: int, runtime: object, source: int, source_offset: int, nbytes: int
    ) -> bool:
        """Copy from another GPU without the host; False if the other device is none."""
        if not isinstance(runtime, CudaRuntime):
            return False
        with translating(self.ordinal):
            done = runtime.current_stream().record()
            here = self.current_stream()
            here.wait(done)
            self.driver.here()
            cudart.memcpyPeerAsync(
                *(buffer + offset, self.ordinal, source + source_offset, runtime.ordinal, nbytes),
                here.stream.ptr,
            )
            runtime.current_stream().wait(here.record())  # the source is not reused before it was read
        return True

    def synchronize(self) -> None:
        """Wait for all streams of this GPU; raise what kernels found wrong."""
        self.driver.here()
        with translating(self.ordinal):
            cudart.deviceSynchronize()
            self.driver.raise_failure(cupy.cuda.get_current_stream())

    def info(self) -> DeviceInfo:
        """Facts about this GPU."""
        with translating(self.ordinal):
            facts = cudart.getDeviceProperties(self.ordinal)
            version = cudart.driverGetVersion()
        return DeviceInfo(
            name=facts["name"].decode(),
            arch=f"sm_{facts['major']}{facts['minor']}",
            total_memory=facts["totalGlobalMem"],
            dtypes=ALL,
            details={"ordinal": self.ordinal, "driver": version, "cupy": cupy.__version__},
        )

    def memory_stats(self) -> dict[str, int]:
        """Return bytes in use by tensors, the most that were, and what the pool holds."""
        with self._lock:
            return {"allocated": self._allocated, "peak": self._peak, "reserved": self._pool.total_bytes()}

    def empty_cache(self) -> None:
        """Give what the pool keeps for later back to the driver."""
        self._pool.free_all_blocks()

    def new_stream(self, priority: int) -> Queue:
        """Return a stream that runs beside the others."""
        with translating(self.ordinal), cupy.cuda.Device(self.ordinal):
            return self._queue(cupy.cuda.Stream(non_blocking=True, priority=priority))

    def current_stream(self) -> Queue:
        """Return the calling thread's stream."""
        self.driver.here()
        return self._queue(cupy.cuda.get_current_stream())

    def set_stream(self, stream: Queue) -> None:
        """Send the calling thread's later work to a stream of this GPU."""
        self.driver.here()
        stream.stream.use()

    def record_stream(self, buffer: int, stream: Queue) -> None:
        """Keep the memory from being reused before the stream's work on it is done."""
        with self._lock:
            used = self._used_on.setdefault(buffer, [])
            if stream.stream not in used:
                used.append(stream.stream)

    def _queue(self, stream: Any) -> Queue:
        return Queue(self.driver, self.ordinal, stream)
