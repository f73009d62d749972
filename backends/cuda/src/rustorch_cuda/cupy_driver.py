"""The driver of a GPU: NVRTC, launches and cuBLAS, through CuPy."""

from __future__ import annotations

import ctypes
from typing import Any

import cupy
from cupy_backends.cuda.api import driver as cuda
from cupy_backends.cuda.api import runtime as cudart

from rustorch_cuda.errors import translated, translating
from rustorch_cuda.failures import NBYTES, error_of
from rustorch_cuda.program import PLATFORM, THREADS

_OPTIONS = ("--std=c++17", f"-DTHREADS={THREADS}")
#: dtype -> (the number of its part type in cublasDataType, of the type that it computes in).
_CUDA_R_32F, _CUDA_R_16F, _CUDA_R_16BF, _COMPUTE_32F = 0, 2, 14, 68
_HALF = {"float16": _CUDA_R_16F, "bfloat16": _CUDA_R_16BF}
_GEMM = {
    "float32": ("sgemmStridedBatched", "f"),
    "float64": ("dgemmStridedBatched", "d"),
    "complex64": ("cgemmStridedBatched", "ff"),
    "complex128": ("zgemmStridedBatched", "dd"),
}
_DEFAULT_ALGORITHM = -1


class Scratch:
    """Memory for work submitted next; given back in the order of the stream when the last reference goes."""

    __slots__ = ("_memory", "address")

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.address: int = memory.ptr


class CupyDriver:
    """See :class:`rustorch_cuda.program.Driver`."""

    threads = THREADS

    def __init__(self, ordinal: int, pool: Any) -> None:
        self._ordinal = ordinal
        self._pool = pool
        self._modules: dict[str, Any] = {}
        self._suspected = False
        with cupy.cuda.Device(ordinal) as device:
            self.processors: int = device.attributes["MultiProcessorCount"]
            self._failure = cupy.cuda.memory.alloc(NBYTES)
            self._failure.memset(0, NBYTES)

    def here(self) -> None:
        """Make this GPU the calling thread's."""
        if cudart.getDevice() != self._ordinal:
            cudart.setDevice(self._ordinal)

    def compile(self, source: str, name: str) -> Any:
        """Return the kernel `name`; CuPy keeps what it compiled on disk."""
        self.here()
        module = self._modules.get(source)
        if module is None:
            module = self._modules[source] = cupy.RawModule(code=PLATFORM + source, options=_OPTIONS)
        return module.get_function(name).kernel

    def launch(self, kernel: Any, grid: tuple[int, int], arguments: list[Any]) -> None:
        """Submit a kernel to the current stream; the arguments are copied before this returns."""
        self.here()
        pointers = (ctypes.c_void_p * len(arguments))(*map(ctypes.addressof, arguments))
        stream = cupy.cuda.get_current_stream().ptr
        try:
            cuda.launchKernel(
                *(kernel.ptr, grid[0], grid[1], 1, self.threads, 1, 1, 0, stream),
                *(ctypes.addressof(pointers), 0),
            )
        except RuntimeError as error:
            raise translated(error, self._ordinal) from error

    def scratch(self, nbytes: int) -> Scratch:
        """Return memory from the pool."""
        self.here()
        with translating(self._ordinal):
            return Scratch(self._pool.malloc(max(nbytes, 1)))

    def failure(self) -> int:
        """Return where kernels report their first error."""
        self._suspected = True
        address: int = self._failure.ptr
        return address

    def raise_failure(self, stream: Any) -> None:
        """Raise the error that a kernel reported, after the stream's work is done."""
        if not self._suspected:
            return
        found = (ctypes.c_int64 * 4)()
        self._failure.copy_to_host_async(ctypes.c_void_p(ctypes.addressof(found)), NBYTES, stream)
        stream.synchronize()
        self._suspected = False
        if found[0]:
            self._failure.memset_async(0, NBYTES, stream)
            stream.synchronize()
            raise error_of(*found)

    def gemm(
        self,
        dtype: str,
        *,
        rows: int,
        columns: int,
        inner: int,
        left: tuple[int, int, bool, int],
        right: tuple[int, int, bool, int],
        result: tuple[int, int, int],
        batch: int,
    ) -> None:
        """Submit ``result = left @ right`` of row-major matrices: (address, leading, transposed, batch step).

        cuBLAS reads by columns, so it is given the transposed problem: right' @ left' = result'.
        """
        from cupy_backends.cuda.libs import cublas

        self.here()
        handle = cupy.cuda.get_cublas_handle()
        cublas.setStream(handle, cupy.cuda.get_current_stream().ptr)
        ops = (int(right[2]), int(left[2]))  # 0: as it is, 1: transposed
        one, zero = _scalars(_GEMM[dtype][1] if dtype in _GEMM else "f")
        scalars = (ctypes.addressof(one), ctypes.addressof(zero))
        sizes = (columns, rows, inner)
        with translating(self._ordinal):
            if dtype in _HALF:
                kind = _HALF[dtype]
                cublas.gemmStridedBatchedEx(
                    *(handle, *ops, *sizes, scalars[0]),
                    *(right[0], kind, right[1], right[3], left[0], kind, left[1], left[3]),
                    *(scalars[1], result[0], kind, result[1], result[2]),
                    *(batch, _COMPUTE_32F, _DEFAULT_ALGORITHM),
                )
            else:
                getattr(cublas, _GEMM[dtype][0])(
                    *(handle, *ops, *sizes, scalars[0]),
                    *(right[0], right[1], right[3], left[0], left[1], left[3]),
                    *(scalars[1], result[0], result[1], result[2], batch),
                )


def _scalars(code: str) -> tuple[Any, Any]:
    """Return 1 and 0 in host memory, of one part or two (complex)."""
    part = ctypes.c_float if code[0] == "f" else ctypes.c_double
    kind = part * len(code)
    return kind(1.0, *[0.0] * (len(code) - 1)), kind(*[0.0] * len(code))
