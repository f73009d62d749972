"""The answers of this backend to the core's hooks."""

from __future__ import annotations

from importlib.util import find_spec

from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Kernel, Ready, Runtime, hookimpl

RUSTORCH_CONTRACT = ">=1.0,<2"
NAME = "mlx"


def probe() -> Ready | Absent:
    """Say whether MLX is here; it always has the device that it calls the default one."""
    if find_spec("mlx") is None:
        return Absent("MLX is not installed", "pip install mlx, or mlx[cpu] where there is no Metal")
    import mlx.core  # noqa: F401 - raises if the library cannot be loaded

    return Ready()


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    return [BackendInfo(NAME, probe=probe, description="Metal (or the processor) through MLX")]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    if name != NAME:
        return None
    from rustorch_mlx.runtime import MLXRuntime

    return MLXRuntime()


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    if name != NAME:
        return []
    from rustorch_mlx.kernels import KERNELS, WITHOUT_FLOAT64

    return KERNELS if "float64" in info.dtypes else KERNELS + WITHOUT_FLOAT64
