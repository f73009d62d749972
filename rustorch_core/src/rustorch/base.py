"""The record under every tensor: where its elements are and how it came to be.

`TensorBase` holds data only, so that kernels, the op table and the tape can use tensors without
knowing the operators; :class:`rustorch.Tensor` adds those.  To a kernel it is a *view*: storage,
offset, shape, strides and dtype.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rustorch.shape import Shape, Strides
from rustorch.storage import OwnedStorage, Storage

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dtypes import DType
    from rustorch.tape import Node, Output

#: Values of slots that most tensors never set.
_RARE: dict[str, Any] = {
    "grad_": None,
    "epoch": 0,
    "hooks": None,
    "retains_grad": False,
    "is_inference_": False,
    "views": None,
}


class TensorBase:
    """Slots of a tensor; see the module docstring."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "address",  # of the first element, where the backend's buffers are addresses (integers); else None
        "base",  # the tensor that this one is a view of, or None
        "dense",  # the number of elements if they are contiguous, else -1
        "device",
        "dtype",
        "epoch",  # how many recorded in-place changes this tensor's history accounts for
        "grad_",
        "hooks",
        "is_inference_",
        "needs_grad",
        "node",  # the tape node that produced it; None for a leaf
        "offset",  # of the first element, in elements
        "retains_grad",
        "shape",
        "storage",
        "strides",  # in elements; `shape.strides` itself if contiguous
        "views",  # weak references to the tensors that are views of this one
    )

    storage: Storage
    address: int | None
    shape: Shape
    strides: Strides
    dense: int
    offset: int
    dtype: DType
    device: Device
    needs_grad: bool
    node: Node | Output | None
    base: TensorBase | None
    epoch: int
    views: list[Any] | None

    def __getattr__(self, name: str) -> Any:
        try:
            return _RARE[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None


_result_class: type[TensorBase] = TensorBase
_new = object.__new__


def set_result_class(cls: type[TensorBase]) -> None:
    """Choose the class of every new tensor; called once by the tensor layer."""
    global _result_class
    _result_class = cls


def allocate(shape: Shape, dtype: DType, device: Device) -> Any:
    """Return a new contiguous tensor with uninitialised elements."""
    # written out without calls, since this runs once per op
    elements = shape.elements
    nbytes = elements * dtype.itemsize
    buffer = device.allocate(nbytes)
    storage = _new(OwnedStorage)
    storage.buffer = buffer
    storage.nbytes = nbytes
    storage.free = device.free
    storage.device = device
    storage.version = 0
    self = _new(_result_class)
    self.storage = storage
    self.address = buffer
    self.shape = shape
    self.strides = shape.strides
    self.dense = elements
    self.offset = 0
    self.dtype = dtype
    self.device = device
    self.needs_grad = False
    self.node = None
    self.base = None
    return self


def view_of(
    x: TensorBase, shape: Shape, strides: Strides, offset: int, cls: type[TensorBase] | None = None
) -> Any:
    """Return a tensor over the same storage with another geometry (strides already canonical)."""
    self = _new(cls or _result_class)
    self.storage = x.storage
    address = x.address
    if address.__class__ is int and offset != x.offset:
        address = address + (offset - x.offset) * x.dtype.itemsize
    self.address = address
    self.shape = shape
    self.strides = strides
    self.dense = shape.elements if strides is shape.strides else -1
    self.offset = offset
    self.dtype = x.dtype
    self.device = x.device
    self.needs_grad = False
    self.node = None
    self.base = None
    return self


def become(x: TensorBase, other: TensorBase) -> None:
    """Make `x` show the elements of `other`: same object, other memory.  History stays as it is."""
    x.storage = other.storage
    x.address = other.address
    x.shape = other.shape
    x.strides = other.strides
    x.dense = other.dense
    x.offset = other.offset
    x.dtype = other.dtype
    x.device = other.device


def alias_of(x: TensorBase) -> Any:
    """Return a tensor over the same elements that has no history."""
    return view_of(x, x.shape, x.strides, x.offset)


class Spec:
    """What remains of an operand whose values a derivative does not need: shape, dtype, device."""

    __slots__ = ("device", "dtype", "shape")

    def __init__(self, shape: Shape, dtype: DType, device: Device) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device

    @property
    def ndim(self) -> int:
        """Number of dims."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"Spec({self.dtype.name}, {tuple(self.shape)}, {self.device})"


@lru_cache(maxsize=16384)
def shared_spec(shape: Shape, dtype: DType, device: Device) -> Spec:
    """Return the one `Spec` of these facts."""
    return Spec(shape, dtype, device)


def spec_of(x: TensorBase | Spec) -> Spec:
    """Return the shape, dtype and device of a tensor; equal ones share one object."""
    return shared_spec(x.shape, x.dtype, x.device)
