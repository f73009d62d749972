"""Kernel sources: texts of ``source/`` put together with the few lines that name one kernel."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Protocol

#: What the texts need of CUDA beyond C++: taking the first error of many threads.
PLATFORM = """\
__device__ inline bool claim(long long *code, long long value) {
    return atomicCAS(reinterpret_cast<unsigned long long *>(code), 0ull, (unsigned long long)value) == 0;
}
"""
#: Threads of a block; a power of two.
THREADS = 256


class Driver(Protocol):
    """What the kernels need of a device; :mod:`rustorch_cuda.cupy_driver` is the real one."""

    threads: int  # of a block
    processors: int  # multiprocessors of the device

    def compile(self, source: str, name: str) -> Any:
        """Return the kernel `name` of a source text."""

    def launch(self, kernel: Any, grid: tuple[int, int], arguments: list[Any]) -> None:
        """Submit a kernel to the current stream; each argument is a ctypes buffer, passed by value."""

    def scratch(self, nbytes: int) -> Any:
        """Return memory for the work submitted next: an object with an `address`, given back at its end."""

    def failure(self) -> int:
        """Return the address of the device's `Failure`; it is looked at when the host next waits."""

    def gemm(self, dtype: str, **arguments: Any) -> None:
        """Submit a (batched) matrix product; see `rustorch_cuda.kernels.matmul`."""


@cache
def text(name: str) -> str:
    """Return one of the texts of ``source/``."""
    return files("rustorch_cuda").joinpath("source", f"{name}.cuh").read_text("utf-8")


def source(*names: str, lines: str) -> str:
    """Return a whole source: the prelude, some texts, and the lines that define the kernels."""
    return "\n".join([text("prelude"), *map(text, names), lines])


class Program:
    """A source whose kernels are compiled when first used."""

    __slots__ = ("_driver", "_kernels", "source")

    def __init__(self, driver: Driver, source: str) -> None:
        self._driver = driver
        self._kernels: dict[str, Any] = {}
        self.source = source

    def launch(self, name: str, count: int, *arguments: Any, rows: int = 1) -> None:
        """Launch a kernel with a thread for each of `count` places, or as many as fill the device."""
        driver = self._driver
        blocks = min(-(-count // driver.threads), 64 * driver.processors)
        self.launch_blocks(name, (max(blocks, 1), rows), *arguments)

    def launch_blocks(self, name: str, grid: tuple[int, int], *arguments: Any) -> None:
        """Launch a kernel with so many blocks."""
        kernel = self._kernels.get(name)
        if kernel is None:
            kernel = self._kernels[name] = self._driver.compile(self.source, name)
        self._driver.launch(kernel, grid, list(arguments))
