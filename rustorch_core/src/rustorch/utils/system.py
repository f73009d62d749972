"""Facts about the machine and what RusTorch finds on it."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

import numpy as np

import rustorch
from rustorch.device import Device, get_default_device
from rustorch.dispatch.contract import Absent
from rustorch.dispatch.opening import plugins, probe
from rustorch.errors import RusTorchError
from rustorch.rng import Generator, manual_seed
from rustorch.runtime import opened


def get_system_info() -> dict[str, Any]:
    """Return versions, the machine, and every device that is ready, as plain data.

    >>> from rustorch.utils import get_system_info
    >>> sorted(get_system_info())
    ['default_device', 'devices', 'machine', 'numpy', 'platform', 'processors', 'python', 'rustorch']
    """
    return {
        "rustorch": rustorch.__version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count() or 1,
        "devices": devices(),
        "default_device": _default(),
    }


def _default() -> str | None:
    """Return the default device, or None if there is none that can be opened."""
    try:
        return str(opened(get_default_device()))
    except RusTorchError:
        return None


def devices() -> list[dict[str, Any]]:
    """Return the facts about every device that is ready; one that cannot be opened has an ``error``."""
    found = []
    for name, backend in sorted(plugins().backends().items(), key=lambda item: (-item[1].priority, item[0])):
        answer = probe(backend)
        if isinstance(answer, Absent):
            continue
        found += [facts_of(Device(name, index)) for index in range(answer.count)]
    return found


def facts_of(device: Device) -> dict[str, Any]:
    """Return the facts about one device, opening it."""
    try:
        info = device.info
        threads = getattr(device.runtime, "get_num_threads", None)
        return {
            "device": str(device),
            "name": info.name,
            "arch": info.arch,
            "total_memory": info.total_memory,
            "threads": None if threads is None else threads(),
            "dtypes": sorted(info.dtypes),
            "details": {key: value for key, value in info.details.items() if key != "threads"},
        }
    except Exception as error:  # noqa: BLE001 - a stranger's backend may raise anything, and this is a report
        return {"device": str(device), "error": f"{type(error).__name__}: {error}"}


def set_seed(seed: int) -> Generator:
    """Seed the default generator; return it.  The numbers are the same on every device."""
    return manual_seed(seed)


def cuda_is_available() -> bool:
    """Return whether a CUDA device is ready."""
    return bool(rustorch.cuda.is_available())
