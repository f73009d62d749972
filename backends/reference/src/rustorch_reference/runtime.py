"""Memory of the reference device: NumPy byte arrays."""

from __future__ import annotations

import platform
import threading

import numpy as np

from rustorch.errors import OutOfMemoryError
from rustorch.plugins import DeviceInfo
from rustorch_reference.dtypes import ALL


class ReferenceRuntime:
    """The one device of the reference backend.  A buffer is a 1-D NumPy array of uint8."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._allocated = 0
        self._peak = 0

    def allocate(self, nbytes: int) -> np.ndarray:
        try:
            buffer = np.empty(nbytes, np.uint8)
        except (MemoryError, ValueError, OverflowError) as error:  # of these, NumPy raises one by the size
            raise OutOfMemoryError(f"reference: cannot allocate {nbytes} bytes of host memory") from error
        with self._lock:
            self._allocated += nbytes
            self._peak = max(self._peak, self._allocated)
        return buffer

    def free(self, buffer: np.ndarray, nbytes: int) -> None:
        if buffer.base is not None:
            return  # adopted: the memory belongs to another array and was never counted
        with self._lock:
            self._allocated -= nbytes

    def copy_from_host(self, buffer: np.ndarray, offset: int, source: memoryview) -> None:
        if source.nbytes:
            buffer[offset : offset + source.nbytes] = np.frombuffer(source, np.uint8)

    def copy_to_host(self, target: memoryview, buffer: np.ndarray, offset: int) -> None:
        if target.nbytes:
            np.frombuffer(target, np.uint8)[:] = buffer[offset : offset + target.nbytes]

    def synchronize(self) -> None:
        """Do nothing: every kernel has finished when it returns."""

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            name=f"NumPy {np.__version__}", arch=platform.machine(), dtypes=ALL, host_memory=True
        )

    def adopt(self, array: np.ndarray) -> np.ndarray:
        """Use the memory of a C-contiguous array as a buffer; the buffer keeps the array alive."""
        if not array.flags.c_contiguous:
            raise ValueError(f"adopt: the array must be C-contiguous, got strides {array.strides}")
        return array.reshape(-1).view(np.uint8)

    def host_view(self, buffer: np.ndarray, nbytes: int) -> memoryview:
        return memoryview(buffer)[:nbytes]

    def memory_stats(self) -> dict[str, int]:
        return {"allocated": self._allocated, "peak": self._peak}
