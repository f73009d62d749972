"""The answers of the loopback device to the core's hooks."""

from __future__ import annotations

from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Kernel, Ready, Runtime, hookimpl

NAME = "loopback"


def probe() -> Ready | Absent:
    from rustorch_loopback import memory
    from rustorch_loopback.options import options

    reason = memory.why_not()
    return Absent(reason) if reason else Ready(options.devices)


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    return [
        BackendInfo(
            name=NAME,
            contract=">=1.1,<2",
            probe=probe,
            priority=-100,
            description="host memory that behaves like the worst hardware; for tests",
        )
    ]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    if name != NAME:
        return None
    from rustorch_loopback.devices import opened  # on first use: `import rustorch` stays quick

    return opened(ordinal)


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    if name != NAME:
        return []
    from rustorch_loopback.kernels import KERNELS

    return KERNELS
