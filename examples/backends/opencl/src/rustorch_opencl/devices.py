"""Finding the OpenCL devices of this machine."""

from __future__ import annotations

import pyopencl as cl


def all_devices() -> list[cl.Device]:
    """Return the devices of all platforms: graphics processors first, then accelerators, then processors."""
    try:
        platforms = cl.get_platforms()
    except cl.LogicError:  # what the loader says where no platform is installed
        return []
    found = [device for platform in platforms for device in _devices_of(platform)]
    order = (cl.device_type.GPU, cl.device_type.ACCELERATOR)
    return sorted(found, key=lambda device: [not device.type & kind for kind in order])


def _devices_of(platform: cl.Platform) -> list[cl.Device]:
    try:
        return platform.get_devices()
    except cl.RuntimeError:  # a platform without a device
        return []
