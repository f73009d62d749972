"""Kernels of the CUDA backend on the host: the same sources and wrappers, compiled by g++.

A block's threads run one after another, or as real threads with a barrier where a kernel synchronizes.
What it does not show: NVRTC's own behaviour, memory that the host cannot read, and cuBLAS.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from rustorch.plugins import BackendInfo, DeviceInfo, Kernel, hookimpl
from rustorch_cuda.failures import NBYTES, error_of
from rustorch_cuda.kernels import build
from rustorch_cuda.types import ALL

THREADS = 4
HOST = """\
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
#define __global__
#define __device__
#define __shared__ static
#define THREADS 4
struct Place { unsigned x, y; };
static thread_local Place threadIdx, blockIdx;
static Place blockDim, gridDim;
static std::barrier<> *block_barrier;
#define __syncthreads() block_barrier->arrive_and_wait()
using std::copysign, std::erf, std::erfc, std::exp, std::expm1, std::fabs, std::floor, std::fmod, std::log, std::log1p;
using std::pow, std::rint, std::sin, std::cos, std::sqrt, std::tanh, std::trunc;
static bool claim(long long *code, long long value) {
    long long none = 0;
    return __atomic_compare_exchange_n(code, &none, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
"""
LAUNCHER = """
extern "C" void launch_{name}(unsigned x, unsigned y, void **args) {{
    gridDim = {{x, y}};
    blockDim = {{THREADS, 1}};
    auto blocks = [=](unsigned first, unsigned threads) {{
        for (unsigned by = 0; by < y; ++by)
            for (unsigned bx = 0; bx < x; ++bx)
                for (unsigned t = first; t < first + threads; ++t) {{
                    blockIdx = {{bx, by}};
                    threadIdx = {{t, 0}};
                    {name}({arguments});
                }}
    }};
    if (!{synchronizes}) return blocks(0, THREADS);
    std::barrier<> barrier(THREADS);
    block_barrier = &barrier;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < THREADS; ++t) threads.emplace_back(blocks, t, 1);
    for (auto &thread : threads) thread.join();
}}
"""
SIGNATURE = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
NUMPY = {"float32": np.float32, "float64": np.float64, "complex64": np.complex64, "complex128": np.complex128}


def launchers(source: str) -> str:
    """Return the host's way into every kernel of a source."""
    lines = []
    for name, parameters in SIGNATURE.findall(source):
        types = [p.rsplit(" ", 1)[0] for p in parameters.split(", ")]
        arguments = ", ".join(f"*static_cast<{t} *>(args[{i}])" for i, t in enumerate(types))
        synchronizes = "true" if name == "reduce_form" else "false"
        lines.append(LAUNCHER.format(name=name, arguments=arguments, synchronizes=synchronizes))
    return "\n".join(lines)


class Scratch:
    """Memory of the host, poisoned."""

    def __init__(self, nbytes: int) -> None:
        self.array = np.full(max(nbytes, 1), 0xA5, np.uint8)
        self.address = self.array.ctypes.data


class EmulatedDriver:
    """See `rustorch_cuda.program.Driver`."""

    threads = THREADS
    processors = 2

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._libraries: dict[str, ctypes.CDLL] = {}
        self._failure = np.zeros(NBYTES // 8, np.int64)

    def compile(self, source: str, name: str) -> Any:
        """Return the way into a kernel, compiling its source once."""
        library = self._libraries.get(source)
        if library is None:
            stem = self.folder / hashlib.sha256(source.encode()).hexdigest()[:16]
            shared = stem.with_suffix(".so")
            if not shared.exists():
                stem.with_suffix(".cpp").write_text(HOST + source + launchers(source), "utf-8")
                command = [
                    "g++",
                    "-std=c++20",
                    "-O1",
                    "-fPIC",
                    "-shared",
                    "-pthread",
                    "-ffp-contract=off",
                    "-w",
                ]
                command += ["-fno-strict-aliasing", str(stem.with_suffix(".cpp")), "-o", str(shared)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr[:3000]
            library = self._libraries[source] = ctypes.CDLL(str(shared))
        return getattr(library, f"launch_{name}")

    def launch(self, kernel: Any, grid: tuple[int, int], arguments: list[Any]) -> None:
        """Run a kernel."""
        pointers = (ctypes.c_void_p * len(arguments))(*map(ctypes.addressof, arguments))
        kernel(ctypes.c_uint(grid[0]), ctypes.c_uint(grid[1]), pointers)

    def scratch(self, nbytes: int) -> Scratch:
        """Return poisoned memory."""
        return Scratch(nbytes)

    def failure(self) -> int:
        """Return where kernels report their first error."""
        return int(self._failure.ctypes.data)

    def raise_failure(self) -> None:
        """Raise the error that a kernel reported."""
        found = tuple(map(int, self._failure))
        if found[0]:
            self._failure[:] = 0
            raise error_of(*found)

    def gemm(
        self,
        dtype: str,
        *,
        rows: int,
        columns: int,
        inner: int,
        left: Any,
        right: Any,
        result: Any,
        batch: int,
    ) -> None:
        """Multiply with NumPy what cuBLAS would read: the same leading dims, flags and batch steps."""
        for i in range(batch):
            a = matrix(dtype, left, (rows, inner), i)
            b = matrix(dtype, right, (inner, columns), i)
            out = matrix(dtype, (*result[:2], False, result[2]), (rows, columns), i)
            wide = np.float64 if out.dtype.kind in "Vf" and out.dtype.itemsize < 4 else out.dtype
            out[...] = (a.astype(wide) @ b.astype(wide)).astype(out.dtype)


def matrix(dtype: str, operand: tuple[int, int, bool, int], shape: tuple[int, int], i: int) -> np.ndarray:
    """Return matrix `i` of a batch as an array over its memory."""
    address, leading, transposed, step = operand
    if dtype in NUMPY:
        kind = np.dtype(NUMPY[dtype])
    elif dtype == "float16":
        kind = np.dtype(np.float16)
    else:
        import ml_dtypes

        kind = np.dtype(ml_dtypes.bfloat16)
    size = kind.itemsize
    rows, columns = shape
    if 0 in shape:
        return np.zeros(shape, kind)
    reach = (max(rows, columns) - 1) * leading + max(rows, columns)
    strides = (size, leading * size) if transposed else (leading * size, size)
    raw = (ctypes.c_ubyte * (reach * size)).from_address(address + i * step * size)
    return np.ndarray(shape, kind, raw, 0, strides)


class EmulatedRuntime:
    """Memory of the host; errors of kernels are raised when the host waits, as on the device."""

    def __init__(self, driver: EmulatedDriver) -> None:
        self.driver = driver
        self._live: dict[int, Scratch] = {}
        self._allocated = 0

    def allocate(self, nbytes: int) -> int:
        memory = Scratch(nbytes)
        self._live[memory.address] = memory
        self._allocated += nbytes
        return memory.address

    def free(self, buffer: int, nbytes: int) -> None:
        self._live.pop(buffer, None)
        self._allocated -= nbytes

    def copy_from_host(self, buffer: int, offset: int, source: memoryview) -> None:
        ctypes.memmove(buffer + offset, bytes(source), source.nbytes)

    def copy_to_host(self, target: memoryview, buffer: int, offset: int) -> None:
        self.synchronize()
        if target.nbytes:
            np.frombuffer(target, np.uint8)[:] = np.frombuffer(
                ctypes.string_at(buffer + offset, target.nbytes), np.uint8
            )

    def synchronize(self) -> None:
        self.driver.raise_failure()

    def info(self) -> DeviceInfo:
        return DeviceInfo("kernels of CUDA on the host", dtypes=ALL)

    def memory_stats(self) -> dict[str, int]:
        return {"allocated": self._allocated}


class EmulatedPlugin:
    """The CUDA backend's kernels under another name."""

    NAME = "cuda_on_host"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.driver = EmulatedDriver(folder)

    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo(self.NAME, contract=">=1.1,<2", description="kernels of CUDA compiled by g++")]

    @hookimpl
    def rustorch_open(self, name: str, ordinal: int) -> EmulatedRuntime | None:
        return EmulatedRuntime(self.driver) if name == self.NAME else None

    @hookimpl
    def rustorch_kernels(self, name: str, info: DeviceInfo) -> list[Kernel]:
        return build(self.driver) if name == self.NAME else []


def available() -> bool:
    """Return whether there is a compiler to emulate with."""
    return shutil.which("g++") is not None
