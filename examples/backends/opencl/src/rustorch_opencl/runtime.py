"""One opened device: memory, streams, copies and the launching of kernels."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import pyopencl as cl

from rustorch.plugins import DeviceInfo
from rustorch_opencl.memory import Allocator, Block
from rustorch_opencl.streams import Stream
from rustorch_opencl.types import ALL


class OpenCLRuntime:
    """The runtime that the core asks for memory and order; kernels reach it through their buffers."""

    def __init__(self, device: cl.Device) -> None:
        self.device = device
        self.context = cl.Context([device])
        self.lock = threading.RLock()  # setting a kernel's arguments and launching it belong together
        self.errors: list[tuple[type[Exception], str]] = [(Exception, "")]  # by code; 0 means none
        self.fp64 = bool(device.double_fp_config)
        self.build_options = build_options(device)
        self.group = min(256, device.max_work_group_size)  # work-items of a group of map.cl
        self._codes: dict[tuple[type[Exception], str], int] = {}
        self._memory = Allocator(self, device.global_mem_size)
        self._default = Stream(self)
        self._streams = weakref.WeakSet([self._default])
        self._chosen = threading.local()

    # -- memory -------------------------------------------------------------------------------------

    def allocate(self, nbytes: int) -> Block:
        return self._memory.allocate(nbytes, self.current_stream())

    def free(self, buffer: Block, nbytes: int) -> None:  # noqa: ARG002 - a block knows its size
        self._memory.free(buffer)

    def memory_stats(self) -> dict[str, int]:
        return self._memory.stats()

    def empty_cache(self) -> None:
        self._memory.empty_cache()

    def copy_from_host(self, buffer: Block, offset: int, source: memoryview) -> None:
        if source.nbytes:  # copied, since the caller may change it before the device has read it
            self.current_stream().upload(buffer.memory, offset, bytes(source))

    def copy_to_host(self, target: memoryview, buffer: Block, offset: int) -> None:
        if target.nbytes:
            self.current_stream().download(target, buffer.memory, offset)

    # -- order --------------------------------------------------------------------------------------

    def synchronize(self) -> None:
        for stream in list(self._streams):
            stream.synchronize()

    def new_stream(self, priority: int) -> Stream:  # noqa: ARG002 - see the text
        """OpenCL 1.2 has no priorities: streams are served alike."""
        stream = Stream(self)
        self._streams.add(stream)
        return stream

    def current_stream(self) -> Stream:
        return getattr(self._chosen, "stream", self._default)

    def set_stream(self, stream: Stream) -> None:
        self._chosen.stream = stream

    def record_stream(self, buffer: Block, stream: Stream) -> None:
        if stream is not buffer.stream:
            buffer.users.add(stream)

    # -- kernels ------------------------------------------------------------------------------------

    def launch(
        self, kernel: cl.Kernel, size: tuple[int, ...], group: tuple[int, ...], *arguments: Any
    ) -> None:
        """Submit a kernel to the current stream; `size` is rounded up to whole groups."""
        whole = tuple(-(-n // g) * g for n, g in zip(size, group, strict=True))
        stream = self.current_stream()
        with self.lock:
            kernel.set_args(*arguments)
            stream.submitted(cl.enqueue_nd_range_kernel(stream.queue, kernel, whole, group))

    def error(self, kind: type[Exception], text: str) -> tuple[cl.Buffer, bytes]:
        """Return the arguments `status` and `code` of a kernel that may fail with this error.

        ``{}`` in the text stands for the number that the kernel reports.
        """
        key = (kind, text)
        code = self._codes.get(key)
        if code is None:
            with self.lock:
                code = self._codes[key] = len(self.errors)
                self.errors.append(key)
        stream = self.current_stream()
        stream.unread = True
        return stream.status, code.to_bytes(4, "little")

    def info(self) -> DeviceInfo:
        device = self.device
        return DeviceInfo(
            name=device.name.strip(),
            arch=device.opencl_c_version.strip(),
            total_memory=device.global_mem_size,
            dtypes=ALL if self.fp64 else ALL - {"float64"},
            details={
                "platform": device.platform.version,
                "driver": device.driver_version,
                "compute_units": device.max_compute_units,
            },
        )


def build_options(device: cl.Device) -> list[str]:
    """Return the options of all programs: IEEE arithmetic as far as the device has it."""
    options = ["-cl-std=CL1.2", "-w"]  # what compilers remark depends on the processor; pyopencl warns of it
    if device.double_fp_config:
        options.append("-DFP64")
    if device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT:
        options.append("-cl-fp32-correctly-rounded-divide-sqrt")
    return options
