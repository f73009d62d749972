"""Devices that have the boot kernels of the reference backend and no others."""

from __future__ import annotations

import pytest

from rustorch.dispatch.contract import Kernel
from rustorch.plugins import BOOT_OPS, BackendInfo, DeviceInfo, hookimpl, register, unregister
from rustorch_reference.dtypes import ALL
from rustorch_reference.kernels import KERNELS
from rustorch_reference.runtime import ReferenceRuntime

WITHOUT_FLOAT64 = ALL - {"float64", "complex128"}


class Runtime(ReferenceRuntime):
    def __init__(self, dtypes):
        super().__init__()
        self.dtypes = dtypes

    def info(self):
        return DeviceInfo(name="boot kernels", dtypes=self.dtypes)


class Boot:
    """The backends `boot`, and `boot32`, which has no float64."""

    devices = {"boot": ALL, "boot32": WITHOUT_FLOAT64}  # noqa: RUF012 - never changed

    @hookimpl
    def rustorch_backends(self):
        return [BackendInfo(name=name) for name in self.devices]

    @hookimpl
    def rustorch_open(self, name, ordinal):
        return Runtime(self.devices[name]) if name in self.devices else None

    @hookimpl
    def rustorch_kernels(self, name, info):
        if name not in self.devices:
            return []
        return [
            Kernel(kernel.op, kernel.fn, kernel.dtypes & info.dtypes, kernel.layout)
            for kernel in KERNELS
            if kernel.op in BOOT_OPS
        ]


@pytest.fixture(scope="session")
def boot():
    register(Boot(), "boot")
    yield
    unregister("boot")
