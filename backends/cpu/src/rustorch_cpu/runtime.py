"""The runtime of the one CPU device: memory, copies and facts.  A buffer is an address."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from rustorch.dispatch.contract import DeviceInfo
from rustorch.errors import DeviceError
from rustorch_cpu.allocator import CachingAllocator, physical_memory
from rustorch_cpu.dtypes import DTYPES
from rustorch_cpu.native import ffi, isa, lib, supported_isas

if TYPE_CHECKING:
    import numpy as np


class CpuRuntime:
    """Everything runs at once, on the calling thread and the pool: there is nothing to wait for."""

    __slots__ = ("_allocator", "allocate", "free")

    def __init__(self) -> None:
        wanted = os.environ.get("RUSTORCH_NUM_THREADS")
        if wanted:
            if not wanted.isdecimal() or int(wanted) < 1:
                raise DeviceError(f"cpu: RUSTORCH_NUM_THREADS must be a positive integer, got {wanted!r}")
            self.set_num_threads(int(wanted))
        self._allocator = CachingAllocator()
        # Bound methods, not wrappers: they run once per op.
        self.allocate = self._allocator.allocate
        self.free = self._allocator.free

    def copy_from_host(self, buffer: int, offset: int, source: memoryview) -> None:
        """Copy bytes into the buffer, `offset` bytes from its start."""
        ffi.memmove(ffi.cast("char *", buffer + offset), source, source.nbytes)

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        """Copy bytes of the buffer, from `offset`, into writable memory."""
        ffi.memmove(target, ffi.cast("char *", buffer + offset), target.nbytes)

    def host_view(self, buffer: int, nbytes: int) -> memoryview:
        """The buffer itself as bytes."""
        return memoryview(ffi.buffer(ffi.cast("char *", buffer), nbytes))

    def adopt(self, array: np.ndarray) -> int:
        """The address of the array's first element; the caller keeps the array alive."""
        return array.__array_interface__["data"][0]

    def synchronize(self) -> None:
        """Nothing is pending: kernels return when they are done."""

    def info(self) -> DeviceInfo:
        """Facts about this processor."""
        return DeviceInfo(
            name=processor_name(),
            arch=isa(),
            total_memory=physical_memory(),
            dtypes=frozenset(DTYPES),
            host_memory=True,
            details={"threads": lib.rt_num_threads(), "instruction_sets": supported_isas()},
        )

    def memory_stats(self) -> dict[str, int]:
        """Counters of the caching allocator, in bytes: allocated, reserved, peak; hits, misses."""
        return self._allocator.stats()

    def empty_cache(self) -> None:
        """Give cached memory back to the system."""
        self._allocator.empty_cache()

    def set_num_threads(self, n: int) -> None:
        """Use `n` threads, the calling one included, from the next kernel on."""
        lib.rt_set_num_threads(n)

    def get_num_threads(self) -> int:
        """The number of threads that a large kernel uses."""
        return lib.rt_num_threads()


def processor_name() -> str:
    """The marketing name of the processor, as well as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
