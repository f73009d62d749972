"""What RusTorch's plugin manager finds under the entry point ``cuda``.  No driver is touched here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Kernel, Ready, Runtime, hookimpl

if TYPE_CHECKING:
    from rustorch_cuda.runtime import CudaRuntime

NAME = "cuda"

_opened: dict[int, CudaRuntime] = {}


def probe() -> Ready | Absent:
    """Return how many devices there are, or in one line why none can be used."""
    try:
        import cupy
    except Exception as error:  # noqa: BLE001 - a broken CuPy may raise anything while it loads its libraries
        return Absent(f"CuPy cannot be imported: {_line(error)}", hint="pip install rustorch[cuda]")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # noqa: BLE001 - so may the driver
        return Absent(
            f"no usable NVIDIA driver: {_line(error)}",
            hint="install the NVIDIA driver; `nvidia-smi` shows it",
        )
    if count == 0:
        return Absent("the driver finds no device", hint="see `nvidia-smi`, and CUDA_VISIBLE_DEVICES")
    return Ready(count)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    """One backend, with a device per GPU."""
    return [
        BackendInfo(
            name=NAME,
            contract=">=1.1,<2",
            probe=probe,
            priority=200,
            description="NVIDIA GPUs: CuPy memory and streams, cuBLAS, kernels compiled at run time",
        )
    ]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    """Return the runtime of one GPU."""
    if name != NAME:
        return None
    from rustorch_cuda.runtime import CudaRuntime

    _opened[ordinal] = CudaRuntime(ordinal)
    return _opened[ordinal]


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    """Return the kernels, bound to the device that they launch on."""
    if name != NAME:
        return []
    from rustorch_cuda.kernels import build

    return build(_opened[info.details["ordinal"]].driver)
