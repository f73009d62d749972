"""Objects as bytes, with large arrays kept apart so that they can go through shared memory.

Pickle's protocol 5 hands out the memory of arrays instead of copying it into the stream.  Tensors are
taken apart into such an array and a few facts.  A tensor on this process's default device arrives on
the default device of the other one: workers hold theirs in host memory, whatever the loader uses.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from rustorch.base import TensorBase, view_of
from rustorch.device import Device, get_default_device
from rustorch.dtypes import dtype_of
from rustorch.errors import AutogradError
from rustorch.ops.creation import adopt

LARGE = 1 << 14  # bytes; smaller arrays stay in the stream
_PROTOCOL = 5
#: Host copies of tensors on devices with memory of their own: id -> (tensor, copy).
Copies = dict[int, tuple[Any, Any]]


class _Packer(ForkingPickler):
    def __init__(
        self, file: io.BytesIO, keep_apart: Callable[[pickle.PickleBuffer], bool], copies: Copies
    ) -> None:
        super().__init__(file, _PROTOCOL, True, keep_apart)
        self._copies = copies

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, TensorBase):
            return _taken_apart(value, self._copies)
        return NotImplemented


def _taken_apart(x: Any, copies: Copies) -> tuple[Any, ...]:
    if x.needs_grad and x.node is not None:
        raise AutogradError(
            "DataLoader: a tensor that requires grad and is not a leaf cannot go to another process",
            hint="detach() it in the dataset or collate_fn; autograd graphs do not cross processes",
        )
    array = _on_host(x, copies)
    name = x.dtype.name
    raw = array.view(np.uint16) if name == "bfloat16" else array
    device = None if x.device is get_default_device() else str(x.device)
    return _put_together, (type(x), raw, name, device, x.needs_grad, dict(x.__dict__))


def _on_host(x: Any, copies: Copies) -> Any:
    if x.device.info.host_memory:
        return np.ascontiguousarray(x.detach().to_numpy()).reshape(tuple(x.shape))
    if id(x) not in copies:
        copies[id(x)] = (x, x.to_numpy())
    return copies[id(x)][1]


def _put_together(
    cls: Any, raw: Any, name: str, device: str | None, requires_grad: bool, extra: dict[str, Any]
) -> Any:
    array = raw.view(dtype_of(name).numpy) if name == "bfloat16" else raw
    made = adopt(array, get_default_device() if device is None else Device(device))
    tensor = made if type(made) is cls else view_of(made, made.shape, made.strides, made.offset, cls)
    tensor.needs_grad = requires_grad
    if extra:
        tensor.__dict__.update(extra)
    return tensor


def pack(value: Any, copies: Copies | None = None) -> tuple[bytes, list[memoryview]]:
    """Return a stream, and the memory of the large arrays that it leaves out.

    Args:
        value: what to pack.
        copies: host copies made for earlier streams of the same value; new ones are added.
    """
    apart: list[memoryview] = []

    def keep_apart(buffer: pickle.PickleBuffer) -> bool:
        memory = buffer.raw()
        if memory.nbytes < LARGE:
            return True  # pickle's way to say: put it in the stream
        apart.append(memory)
        return False

    file = io.BytesIO()
    _Packer(file, keep_apart, {} if copies is None else copies).dump(value)
    return file.getvalue(), apart


def unpack(stream: Any, apart: Iterable[Any]) -> Any:
    """Return the value again, its large arrays over the given memory."""
    return pickle.loads(stream, buffers=apart)  # noqa: S301 - from a process that we started
