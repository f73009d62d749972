"""What a program may ask of a device's runtime: threads, memory, waiting."""

from __future__ import annotations

from typing import Any

from rustorch.device import Device, as_device, get_default_device
from rustorch.errors import ArgumentError, ArgumentTypeError, DeviceError


def set_num_threads(n: int) -> None:
    """Use `n` threads, the calling one included, on the default device.

    Raises:
        ArgumentError: if `n` is less than one.
        DeviceError: if the default device has no threads to set.
    """
    if type(n) is not int:
        raise ArgumentTypeError(f"set_num_threads: an integer is required, got {type(n).__name__}")
    if n < 1:
        raise ArgumentError(f"set_num_threads: at least one thread is required, got {n}")
    if n >= 2**31:
        raise ArgumentError(f"set_num_threads: fewer than 2**31 threads are required, got {n}")
    _required("set_num_threads")(n)


def get_num_threads() -> int:
    """Return how many threads a large kernel uses on the default device.

    Raises:
        DeviceError: if the default device has no threads to count.
    """
    return int(_required("get_num_threads")())


def _required(name: str) -> Any:
    device = get_default_device()
    method = getattr(opened(device).runtime, name, None)
    if method is None:
        raise DeviceError(
            f"{name}: device {device} does not offer it",
            hint="make a device with threads the default one, e.g. with rustorch.set_default_device(...)",
        )
    return method


def memory_stats(device: Device | str | int | None = None) -> dict[str, int]:
    """Return the counters of a device's allocator, in bytes; empty if its runtime keeps none.

    Args:
        device: the device asked about; the default device if None.

    >>> import rustorch
    >>> x = rustorch.zeros(1000)
    >>> rustorch.memory_stats()["allocated"] >= 4000
    True
    """
    stats = getattr(opened(as_device(device)).runtime, "memory_stats", None)
    return dict(stats()) if stats is not None else {}


def empty_cache(device: Device | str | int | None = None) -> None:
    """Give the memory that a device's allocator keeps for later back to the system.

    Args:
        device: the default device if None.
    """
    release = getattr(opened(as_device(device)).runtime, "empty_cache", None)
    if release is not None:
        release()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait until all work given to a device is done; errors of that work are raised here.

    Args:
        device: the default device if None.
    """
    opened(as_device(device)).runtime.synchronize()


def opened(device: Device) -> Device:
    """Return the device after making sure that it is open."""
    device.info.name  # noqa: B018 - the look-up opens it
    return device
