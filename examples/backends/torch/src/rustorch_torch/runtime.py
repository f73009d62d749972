"""Memory of one PyTorch device: a buffer is a 1-D tensor of uint8."""

from __future__ import annotations

import platform
import threading
from typing import Any

import numpy as np
import torch

from rustorch.errors import OutOfMemoryError
from rustorch.plugins import DeviceInfo
from rustorch_torch.views import ALL


class TorchRuntime:
    """What every PyTorch device can do."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._lock = threading.RLock()  # reentrant: a finalizer may call `free` inside `allocate`
        self._allocated = self._peak = 0

    def allocate(self, nbytes: int) -> torch.Tensor:
        try:
            buffer = torch.empty(nbytes, dtype=torch.uint8, device=self.device)
        except (
            RuntimeError,
            MemoryError,
            OverflowError,
        ) as error:  # of these, PyTorch raises one by the size
            raise OutOfMemoryError(f"torch:{self.device}: cannot allocate {nbytes} bytes") from error
        with self._lock:
            self._allocated += nbytes
            self._peak = max(self._peak, self._allocated)
        return buffer

    def free(self, _buffer: torch.Tensor, nbytes: int) -> None:
        with self._lock:
            self._allocated -= nbytes  # PyTorch takes the memory back with the last reference

    def copy_from_host(self, buffer: torch.Tensor, offset: int, source: memoryview) -> None:
        if source.nbytes:
            # a copy of its own: PyTorch wants writable memory, and the source may change after the return
            host = torch.from_numpy(np.frombuffer(source, np.uint8).copy())
            buffer[offset : offset + source.nbytes].copy_(host)

    def copy_to_host(self, target: memoryview, buffer: torch.Tensor, offset: int) -> None:
        if target.nbytes:
            host = torch.from_numpy(np.frombuffer(target, np.uint8))
            host.copy_(buffer[offset : offset + target.nbytes])

    def copy_from_peer(
        self, buffer: torch.Tensor, offset: int, runtime: Any, source: Any, source_offset: int, nbytes: int
    ) -> bool:
        if not isinstance(runtime, TorchRuntime):
            return False
        buffer[offset : offset + nbytes].copy_(source[source_offset : source_offset + nbytes])
        return True

    def memory_stats(self) -> dict[str, int]:
        return {"allocated": self._allocated, "peak": self._peak}


class HostRuntime(TorchRuntime):
    """The device `torch:cpu`, whose buffers are host memory."""

    def synchronize(self) -> None:
        """Do nothing: every kernel has finished when it returns."""

    def info(self) -> DeviceInfo:
        return DeviceInfo(
            name=f"PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()})",
            arch=platform.machine(),
            dtypes=ALL,
            host_memory=True,
        )

    def adopt(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.reshape(-1).view(np.uint8))  # keeps the array alive

    def host_view(self, buffer: torch.Tensor, nbytes: int) -> memoryview:
        return memoryview(buffer.numpy())[:nbytes]

    def set_num_threads(self, n: int) -> None:
        torch.set_num_threads(n)

    def get_num_threads(self) -> int:
        return torch.get_num_threads()
