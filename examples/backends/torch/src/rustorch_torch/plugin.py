"""The answers of this backend to the core's hooks.

Announcing imports no torch: whether PyTorch has a device is asked by that device's probe, at its first use.
"""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec

from rustorch.plugins import (
    Absent,
    BackendInfo,
    DeviceInfo,
    Kernel,
    Ready,
    Runtime,
    hookimpl,
)

RUSTORCH_CONTRACT = ">=1.0,<2"
PREFIX = "torch:"

#: PyTorch's own device types; a third party's is added by RUSTORCH_TORCH_DEVICES, e.g. "npu".
TYPES = ("cpu", "cuda", "mps", "xpu", *os.environ.get("RUSTORCH_TORCH_DEVICES", "").split())


def probe(kind: str) -> Ready | Absent:
    """Ask PyTorch how many devices of a type there are."""
    if find_spec("torch") is None:
        return Absent("PyTorch is not installed", "pip install torch")
    import torch

    if kind == "cpu":
        return Ready()
    try:
        module = torch.get_device_module(kind)
    except RuntimeError:
        return Absent(f"PyTorch {torch.__version__} knows no device {kind!r}")
    if not module.is_available():
        return Absent(f"PyTorch {torch.__version__} finds no {kind} device")
    return Ready(module.device_count())


@hookimpl
def rustorch_backends() -> list[BackendInfo]:
    return [
        BackendInfo(PREFIX + kind, probe=partial(probe, kind), description=f"PyTorch on {kind}")
        for kind in TYPES
    ]


@hookimpl
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    if not name.startswith(PREFIX):
        return None
    import torch

    kind = name.removeprefix(PREFIX)
    if kind == "cpu":
        from rustorch_torch.runtime import HostRuntime

        return HostRuntime(torch.device("cpu"))
    from rustorch_torch.accelerator import open_accelerator

    return open_accelerator(torch.device(kind, ordinal))


@hookimpl
def rustorch_kernels(name: str, info: DeviceInfo) -> list[Kernel]:
    if not name.startswith(PREFIX):
        return []
    from rustorch_torch.kernels import KERNELS, WITHOUT_FLOAT64

    return KERNELS if "float64" in info.dtypes else KERNELS + WITHOUT_FLOAT64
