"""The machine: its limits, measured by plain C (limits.c), and what it is doing besides."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

#: Seconds of a list of calls: `run(calls)`.
Run = Callable[[int], float]
#: Bytes of an array whose copying is reported: what fits a first-level cache, and so on up to memory.
COPIES = {"16 KB": 2**14, "256 KB": 2**18, "4 MB": 2**22, "32 MB": 2**25, "512 MB": 2**29}
_WIDTHS = (128, 256, 512)
#: What may do the arithmetic of a type: a product of bfloat16 numbers is exact in float32.
_ARITHMETIC = {"float32": ["float32"], "float64": ["float64"], "bfloat16": ["bfloat16", "float32"]}
_TURNS = 1_000_000  # of the arithmetic loop, about 5 ms


class NotMeasuredError(RuntimeError):
    """There is no C compiler, or it does not take limits.c."""


class Limits:
    """The loops of limits.c, compiled for this processor.

    Args:
        threads: how many run them at once.

    Raises:
        NotMeasuredError: they cannot be compiled.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._loops = _compiled()
        self._loops.arithmetic_peak.restype = self._loops.stream_seconds.restype = ctypes.c_double
        self._loops.stream_open.restype = ctypes.c_void_p
        self._arrays = ctypes.c_void_p()

    def _arithmetic(self, kind: str, bits: int, turns: int) -> float:
        peak: float = self._loops.arithmetic_peak(kind.encode(), bits, self.threads, ctypes.c_long(turns))
        return peak

    def arithmetic(self, dtype: str, operations: float) -> Run:
        """Return what takes the least time in which `operations` of a type can be done."""
        found = {
            (kind, bits): max(self._arithmetic(kind, bits, _TURNS) for _ in range(3))
            for kind in _ARITHMETIC[dtype]
            for bits in _WIDTHS
        }
        kind, bits = max(found, key=lambda loop: found[loop])

        return lambda calls: calls * operations / self._arithmetic(kind, bits, 10 * _TURNS)

    def stream(self, count: int, reads: int, writes: int) -> Run:
        """Return what reads so many arrays of `count` float32 numbers and writes so many, at best.

        It lives until the next one is asked for.
        """
        self._loops.stream_close(self._arrays)
        opened = self._loops.stream_open(self.threads, ctypes.c_size_t(count), reads, writes)
        self._arrays = arrays = ctypes.c_void_p(opened)
        if not arrays:
            raise NotMeasuredError(f"no memory for {reads + writes} arrays of {count} numbers")

        def seconds(calls: int, streaming: int) -> float:
            took: float = self._loops.stream_seconds(arrays, self.threads, streaming, ctypes.c_long(calls))
            return took

        calls = max(1, 2**25 // count)
        best = min((0, 1) if writes else (0,), key=lambda way: min(seconds(calls, way) for _ in range(5)))
        return lambda calls: seconds(calls, best)

    def peak(self, dtype: str) -> float:
        """Return the operations per second of a type: the best of a few tries."""
        run = self.arithmetic(dtype, 1.0)
        return max(1.0 / run(1) for _ in range(10))

    def copy(self, nbytes: int) -> float:
        """Return the bytes per second read and written in copying an array of so many bytes, the best of tries."""
        run, calls = self.stream(nbytes // 4, 1, 1), max(1, 2**28 // nbytes)
        return max(2.0 * nbytes * calls / run(calls) for _ in range(3))


def _compiled() -> ctypes.CDLL:
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise NotMeasuredError("no C compiler: there is no `cc`, and CC is not set")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "limits.so")
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread"]
        source = Path(__file__).with_name("limits.c")
        command = [*shlex.split(compiler), *flags, str(source), "-o", str(library)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasuredError(f"{compiler} does not take limits.c: {done.stderr.strip()[:200]}")
        return ctypes.CDLL(str(library))


def busy_seconds() -> float:
    """Return the processor time that the machine has spent so far, where the system tells (Linux).

    Time stolen by other guests of the same host counts: it is not there for us either.
    """
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal, *_ = map(int, fields)
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def processors(count: int) -> list[int]:
    """Return `count` of the processors granted to us, on cores of their own as far as there are such.

    Empty where the system cannot tell, or bind processes to them.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    granted = sorted(os.sched_getaffinity(0))
    cores: dict[str, int] = {}
    for processor in granted:
        siblings = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
        try:
            cores.setdefault(siblings.read_text().strip(), processor)
        except OSError:
            cores[str(processor)] = processor
    first = list(cores.values())
    return [*first, *(p for p in granted if p not in first)][:count]


def description() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
