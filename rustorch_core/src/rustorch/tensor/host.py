"""Between a tensor and the host: NumPy, Python numbers, DLPack, pickles, copies."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np

from rustorch.base import allocate, view_of
from rustorch.device import Device, as_device
from rustorch.dispatch.tables import packed
from rustorch.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DeviceError,
    DTypeError,
    ShapeError,
)
from rustorch.ops.creation import from_host

_DLPACK_HOST = (1, 0)  # kDLCPU

#: How one element's bytes are read, where Python's own types hold it; the others go through NumPy.
_READERS = {
    name: struct.Struct("=" + code).unpack
    for name, code in {
        "bool": "?", "uint8": "B", "int8": "b", "int16": "h", "int32": "i", "int64": "q",
        "float16": "e", "float32": "f", "float64": "d",
    }.items()
}  # fmt: skip


def to_numpy(x: Any, *, force: bool) -> np.ndarray[Any, Any]:
    """Return the elements as an array; shares memory where that is possible."""
    if not force and x.needs_grad:
        raise AutogradError("numpy: the tensor requires grad", hint="use x.detach().numpy(), or x.to_numpy()")
    size = x.dtype.itemsize
    dtype = x.dtype.numpy
    if x.shape.elements == 0:
        return np.empty(x.shape, dtype)
    runtime = x.device.runtime
    if x.device.info.host_memory and hasattr(runtime, "host_view"):
        runtime.synchronize()
        memory = np.frombuffer(runtime.host_view(x.storage.buffer, x.storage.nbytes), np.uint8)
        array: np.ndarray[Any, Any] = np.ndarray(
            tuple(x.shape), dtype, _owned(memory, x.storage), x.offset * size, [s * size for s in x.strides]
        )
        return array
    if not force:
        raise DeviceError(
            f"numpy: the tensor is on device {x.device}",
            hint="use x.to_numpy(), or copy it to the host first",
        )
    whole = x if x.strides is x.shape.strides else packed(x)
    result = np.empty(x.shape, dtype)
    runtime.copy_to_host(result.reshape(-1).view(np.uint8).data, whole.storage.buffer, whole.offset * size)
    return result


class _Owner:
    """Keeps a storage alive for as long as an array over its memory lives."""

    def __init__(self, memory: np.ndarray[Any, Any], storage: Any) -> None:
        self.__array_interface__ = memory.__array_interface__
        self.storage = storage


def _owned(memory: np.ndarray[Any, Any], storage: Any) -> np.ndarray[Any, Any]:
    return np.asarray(_Owner(memory, storage))


def address_of(x: Any) -> int:
    """Return the address of the first element."""
    if not isinstance(x.storage.buffer, int):
        if x.device.info.host_memory and x.shape.elements:
            return int(to_numpy(x.detach(), force=True).__array_interface__["data"][0])
        raise DeviceError(f"data_ptr: buffers of device {x.device} are not addresses")
    return int(x.storage.buffer + x.offset * x.dtype.itemsize)


def item(x: Any) -> Any:
    """Return the only element as a Python number."""
    if x.shape.elements != 1:
        raise ShapeError(f"item: one element is required, got shape {tuple(x.shape)}", hint="use tolist()")
    memory = bytearray(x.dtype.itemsize)
    x.device.runtime.copy_to_host(memoryview(memory), x.storage.buffer, x.offset * x.dtype.itemsize)
    if (read := _READERS.get(x.dtype.name)) is not None:
        return read(memory)[0]
    value = np.frombuffer(memory, x.dtype.numpy)
    return value.item() if x.dtype.name != "bfloat16" else float(value[0])


def single(x: Any, what: str) -> Any:
    """Return the only element, for Python's conversions."""
    if x.shape.elements != 1:
        raise ShapeError(
            f"{what}: only a tensor of one element has a truth or number value, got shape {tuple(x.shape)}",
            hint="use any(), all() or item()",
        )
    return item(x)


def to_dlpack(x: Any, options: dict[str, Any]) -> Any:
    """Return a DLPack capsule over the memory, through NumPy for host devices."""
    if x.needs_grad:
        raise AutogradError("__dlpack__: the tensor requires grad", hint="use x.detach()")
    if not x.device.info.host_memory:
        exporter = getattr(x.device.runtime, "to_dlpack", None)
        if exporter is None:
            raise DeviceError(f"__dlpack__: device {x.device} does not offer DLPack")
        return exporter(x, **options)
    options.pop("stream", None)
    if x.dtype.name == "bfloat16":
        raise DTypeError("__dlpack__: bfloat16 has no form in NumPy's DLPack", hint="convert it first")
    return to_numpy(x, force=False).__dlpack__(**options)


def dlpack_device(x: Any) -> tuple[int, int]:
    """Return DLPack's (device type, index)."""
    if x.device.info.host_memory:
        return _DLPACK_HOST
    describe = getattr(x.device.runtime, "dlpack_device", None)
    if describe is None:
        raise DeviceError(f"__dlpack_device__: device {x.device} does not offer DLPack")
    kind, index = describe()
    return kind, index


def from_dlpack(source: Any) -> Any:
    """Return a tensor over the memory of any object with ``__dlpack__``; on the host without a copy."""
    from rustorch.ops.creation import adopt

    if not hasattr(source, "__dlpack__"):
        raise ArgumentTypeError(
            f"from_dlpack: an object with __dlpack__ is required, got {type(source).__name__}"
        )
    try:
        array = np.from_dlpack(source)
    except (BufferError, RuntimeError, TypeError) as error:
        raise ArgumentError(f"from_dlpack: the data cannot be taken over ({error})") from error
    return adopt(array, as_device(None))


def reduce(x: Any) -> Any:
    """Return how to pickle a tensor: its values and where it should go back to."""
    array = np.array(to_numpy(x.detach(), force=True))
    name = x.dtype.name
    raw = array.view(np.uint16) if name == "bfloat16" else array
    state = (type(x), raw, name, str(x.device), x.needs_grad and x.node is None, dict(x.__dict__))
    return (_rebuild, state)


def _rebuild(
    cls: Any, raw: np.ndarray[Any, Any], name: str, device: str, requires_grad: bool, extra: dict[str, Any]
) -> Any:
    from rustorch.dtypes import dtype_of

    array = raw.view(dtype_of(name).numpy) if name == "bfloat16" else raw
    where: Device = Device(device)
    try:
        where.info.name  # noqa: B018 - opens the device
    except DeviceError:
        where = as_device(None)  # the pickle comes from a machine with other hardware
    made = from_host(array, where)
    self = view_of(made, made.shape, made.strides, made.offset, cls)
    self.needs_grad = requires_grad
    self.__dict__.update(extra)
    return self


def deepcopy(x: Any, memo: dict[int, Any]) -> Any:
    """Return an independent leaf with the same values; a non-leaf cannot be copied, as in PyTorch."""
    if id(x) in memo:
        return memo[id(x)]
    if x.node is not None:
        raise AutogradError("deepcopy: only leaf tensors can be deep-copied", hint="detach() it first")
    copied = packed(x) if x.shape.elements else allocate(x.shape, x.dtype, x.device)
    result = view_of(copied, copied.shape, copied.strides, 0, type(x))
    result.needs_grad = x.needs_grad
    memo[id(x)] = result
    if x.grad_ is not None:
        result.grad_ = deepcopy(x.grad_.detach(), memo)
    with contextlib.suppress(AttributeError):
        from copy import deepcopy as copy_anything

        result.__dict__.update(copy_anything(x.__dict__, memo))
    return result
