"""PyTorch's ``torch.cuda`` for scripts that use it: the generic functions, asked of the backend "cuda".

This module is the only one of the core that names a device, because users' scripts do.
"""

from __future__ import annotations

from rustorch import rng, runtime, streams
from rustorch.device import Device, get_default_device
from rustorch.dispatch.contract import DeviceInfo, Ready
from rustorch.dispatch.opening import plugins, probe
from rustorch.errors import DeviceError
from rustorch.streams import Event, stream

_NAME = "cuda"

__all__ = ["Event", "Stream", "stream"]  # beside the functions of this module


class Stream(streams.Stream):
    """A queue of work on a device of this backend."""

    def __init__(self, device: int | str | Device | None = None, *, priority: int = 0) -> None:
        super().__init__(_chosen(device), priority=priority)


def is_available() -> bool:
    """Return whether the backend is installed and can run here."""
    return device_count() > 0


def device_count() -> int:
    """Return how many devices there are; 0 without the backend."""
    backend = plugins().backends().get(_NAME)
    answer = None if backend is None else probe(backend)
    return answer.count if isinstance(answer, Ready) else 0


def device(device: int | str | Device | None = 0) -> Device:
    """Return a device, which is also a context manager that makes it the default.

    Raises:
        DeviceError: if the backend is absent or cannot run here; says what to install.
        DeviceIndexError: if there are fewer devices.
    """
    found = Device(_NAME, device or 0) if device is None or isinstance(device, int) else Device(device)
    if found.type != _NAME:
        raise DeviceError(f"cuda: a cuda device is required, got {found}")
    return runtime.opened(found)


def current_device() -> int:
    """Return the index of the default device if it is one of these, else 0."""
    default = get_default_device()
    return device(default).index if default.type == _NAME else device(0).index


def _chosen(chosen: int | str | Device | None) -> Device:
    return device(current_device() if chosen is None else chosen)


def synchronize(device: int | str | Device | None = None) -> None:
    """Wait until all work given to a device is done."""
    runtime.synchronize(_chosen(device))


def get_device_name(device: int | str | Device | None = None) -> str:
    """Return the name of a device."""
    return _chosen(device).info.name


def get_device_properties(device: int | str | Device | None = None) -> DeviceInfo:
    """Return the facts about a device: ``name``, ``total_memory``, ``arch``, ``dtypes``."""
    return _chosen(device).info


def memory_stats(device: int | str | Device | None = None) -> dict[str, int]:
    """Return the counters of a device's allocator, in bytes."""
    return runtime.memory_stats(_chosen(device))


def memory_allocated(device: int | str | Device | None = None) -> int:
    """Return the bytes in use by tensors."""
    return memory_stats(device).get("allocated", 0)


def max_memory_allocated(device: int | str | Device | None = None) -> int:
    """Return the most bytes that were in use at once."""
    return memory_stats(device).get("peak", 0)


def memory_reserved(device: int | str | Device | None = None) -> int:
    """Return the bytes held by the allocator, in use or cached."""
    stats = memory_stats(device)
    return stats.get("reserved", stats.get("allocated", 0))


def empty_cache() -> None:
    """Give cached memory back; nothing happens without the backend, as in PyTorch."""
    if is_available():
        runtime.empty_cache(_chosen(None))


def current_stream(device: int | str | Device | None = None) -> streams.Stream:
    """Return the stream that the calling thread's work on a device goes to."""
    return streams.current_stream(_chosen(device))


def manual_seed(seed: int) -> None:
    """Seed the default generator, which serves every device."""
    rng.manual_seed(seed)


manual_seed_all = manual_seed
