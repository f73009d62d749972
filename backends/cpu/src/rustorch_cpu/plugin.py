"""What RusTorch's plugin manager finds under the entry point ``cpu``.

Nothing is loaded here: the compiled module is imported when the device is first opened.
"""

from __future__ import annotations

from rustorch.dispatch.contract import (
    Absent,
    BackendInfo,
    DeviceInfo,
    Kernel,
    Ready,
    Runtime,
)
from rustorch.plugins import hookimpl


def _probe() -> Ready | Absent:
    try:
        import rustorch_cpu.native  # noqa: F401
    except (ImportError, ValueError) as error:  # not compiled here, or RUSTORCH_CPU_ISA cannot run
        return Absent(str(error), hint="reinstall rustorch-cpu, or unset RUSTORCH_CPU_ISA")
    return Ready()


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    """One backend: this machine's processors as one device."""
    return [
        BackendInfo(
            name="cpu",
            probe=_probe,
            priority=100,
            description="C kernels, SIMD chosen at run time, threads",
        )
    ]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    """The runtime of ``cpu:0``."""
    if name != "cpu" or ordinal != 0:
        return None
    from rustorch_cpu.runtime import CpuRuntime

    return CpuRuntime()


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    """All kernels of this package, for the backend ``cpu`` alone."""
    if name != "cpu":
        return []
    from rustorch_cpu.kernels import all_kernels

    return all_kernels()
