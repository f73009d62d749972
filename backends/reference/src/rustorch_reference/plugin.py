"""The answers of the reference backend to the core's hooks."""

from __future__ import annotations

from rustorch.plugins import BackendInfo, DeviceInfo, Kernel, Runtime, hookimpl

NAME = "reference"


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    return [
        BackendInfo(name=NAME, priority=10, description="NumPy, slow and obvious; the oracle of the tests")
    ]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    if name != NAME:
        return None
    from rustorch_reference.runtime import ReferenceRuntime  # on first use: `import rustorch` stays quick

    return ReferenceRuntime()


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    if name != NAME:
        return []
    from rustorch_reference.kernels import KERNELS

    return KERNELS
