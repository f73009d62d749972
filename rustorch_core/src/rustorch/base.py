"""The record under every tensor: where its elements are and how it came to be.

`TensorBase` holds data only, so that kernels, the op table and the tape can use tensors without
knowing the operators; :class:`rustorch.Tensor` adds those.  To a kernel it is a *view*: storage,
offset, shape, strides and dtype.  Tensors are made in C (``csrc/records.c``), since that happens
once per op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch._fastpath import alias_of, allocate, bind_records, set_result_class, shared_spec, view_of
from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.shape import Shape, Strides
from rustorch.storage import Storage

if TYPE_CHECKING:
    from rustorch.tape import Node, Output

__all__ = [
    "Spec",
    "TensorBase",
    "alias_of",
    "allocate",
    "become",
    "set_result_class",
    "shared_spec",
    "spec_of",
    "view_of",
]

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


def spec_of(x: TensorBase | Spec) -> Spec:
    """Return the shape, dtype and device of a tensor; equal ones share one object."""
    return shared_spec(x.shape, x.dtype, x.device)


bind_records(TensorBase, Storage, Spec, Device, DType)
