"""The answers of this backend to the core's hooks.  The driver is loaded on first use."""

from __future__ import annotations

from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Kernel, Ready, Runtime, hookimpl

NAME = "opencl"
RUSTORCH_CONTRACT = ">=1.1,<2"  # streams and `declared_ops`


def probe() -> Ready | Absent:
    """Count the devices of all OpenCL platforms."""
    try:
        from rustorch_opencl.devices import all_devices

        found = all_devices()
    except ImportError as error:
        return Absent(f"pyopencl cannot be imported: {error}", hint="pip install pyopencl")
    if not found:
        return Absent(
            "no OpenCL platform offers a device",
            hint="install the driver of your device, or a platform for the CPU: pip install rustorch-opencl[pocl]",
        )
    return Ready(len(found))


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    """One backend, for the devices of all platforms."""
    return [BackendInfo(name=NAME, contract=RUSTORCH_CONTRACT, probe=probe, description="OpenCL 1.2")]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    """Open one device, with a context of its own."""
    if name != NAME:
        return None
    from rustorch_opencl.devices import all_devices
    from rustorch_opencl.runtime import OpenCLRuntime

    return OpenCLRuntime(all_devices()[ordinal])


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    """All kernels, for the dtypes of this device."""
    if name != NAME:
        return []
    from rustorch_opencl.kernels import all_kernels

    return all_kernels(info.dtypes)
