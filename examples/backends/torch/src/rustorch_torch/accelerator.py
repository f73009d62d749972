"""Devices beside the host (CUDA, MPS, XPU, a third party's): asynchronous, with streams where PyTorch has them."""

from __future__ import annotations

from typing import Any

import torch

from rustorch.plugins import DeviceInfo
from rustorch_torch.runtime import TorchRuntime
from rustorch_torch.views import ALL, COMPLEX

#: What a device type cannot hold.
MISSING = {"mps": frozenset({"float64"}) | COMPLEX}


class AcceleratorRuntime(TorchRuntime):
    """One device of an accelerator; PyTorch's caching allocator, which knows streams, keeps freed memory."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.module: Any = torch.get_device_module(device)

    def synchronize(self) -> None:
        if self.device.type == "mps":
            self.module.synchronize()  # the only device of its kind
        else:
            self.module.synchronize(self.device)

    def info(self) -> DeviceInfo:
        describe = getattr(self.module, "get_device_properties", None)
        facts = describe(self.device) if describe else None
        return DeviceInfo(
            name=f"PyTorch {torch.__version__}: {getattr(facts, 'name', self.device.type)}",
            total_memory=getattr(facts, "total_memory", 0),
            dtypes=ALL - MISSING.get(self.device.type, frozenset()),
        )

    def empty_cache(self) -> None:
        self.module.empty_cache()


class StreamRuntime(AcceleratorRuntime):
    """An accelerator whose work goes to streams of its own choice."""

    def new_stream(self, priority: int) -> TorchStream:
        return TorchStream(torch.Stream(self.device, priority=priority))

    def current_stream(self) -> TorchStream:
        return TorchStream(self.module.current_stream(self.device))

    def set_stream(self, stream: TorchStream) -> None:
        self.module.set_stream(stream.stream)

    def record_stream(self, buffer: torch.Tensor, stream: TorchStream) -> None:
        buffer.record_stream(stream.stream)


class TorchStream:
    """A stream of PyTorch under the names of the contract."""

    def __init__(self, stream: torch.Stream) -> None:
        self.stream = stream

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TorchStream) and self.stream == other.stream

    def __hash__(self) -> int:
        return hash(self.stream)

    def synchronize(self) -> None:
        self.stream.synchronize()

    def query(self) -> bool:
        return self.stream.query()

    def record(self) -> torch.Event:
        event = torch.Event(self.stream.device, enable_timing=True)  # has the members of the contract
        self.stream.record_event(event)
        return event

    def wait(self, event: torch.Event) -> None:
        self.stream.wait_event(event)


def open_accelerator(device: torch.device) -> AcceleratorRuntime:
    """Return the runtime of a device; streams come with a device module that can set one."""
    has_streams = hasattr(torch.get_device_module(device), "set_stream")
    return (StreamRuntime if has_streams else AcceleratorRuntime)(device)
