# What runs once per op, compiled from `csrc`: making tensors, recording on the tape, calling kernels.

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rustorch.base import Spec, TensorBase
from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.ops.op import Op
from rustorch.shape import Shape, Strides
from rustorch.tape import Node

_Storage = TypeVar("_Storage")

# records
def allocate(shape: Shape, dtype: DType, device: Device, /) -> Any: ...
def view_of(
    x: TensorBase, shape: Shape, strides: Strides, offset: int, cls: type[TensorBase] | None = None, /
) -> Any: ...
def alias_of(x: TensorBase, /) -> Any: ...
def shared_spec(shape: Shape, dtype: DType, device: Device, /) -> Spec: ...
def set_result_class(cls: type[TensorBase], /) -> None: ...
def owner(cls: type[_Storage], /) -> type[_Storage]: ...
def bind_records(tensor: type, storage: type, spec: type, device: type, dtype: type, /) -> None: ...

# the tape
class Mode:
    grad: bool
    inference: bool

mode: Mode

def record(op: Op, out: Any, inputs: Sequence[Any], attrs: dict[str, Any], /) -> Node: ...
def make_node(op: Op, out: Any, inputs: Sequence[Any], attrs: dict[str, Any], /) -> Node: ...
def wants_grad(inputs: Sequence[Any], /) -> bool: ...
def bind_tape(
    node: type,
    output: type,
    settings: Any,
    next_sequence: Callable[[], int],
    edge_of: Callable[[TensorBase], Any],
    refuse: Callable[[Op, str], None],
    stack: Callable[[], str],
    /,
) -> None: ...

# calls
def invoke(op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], /) -> Any: ...
def bind_calls(explain_devices: Callable[[str, Sequence[Any]], Device], /) -> None: ...

class Quick:
    op: Op
    def __init__(
        self,
        op: Op,
        name: str,
        arity: int,
        result_dtype: DType | None,
        direct: Sequence[bool],
        takes_int: Sequence[bool],
        takes_float: Sequence[bool],
        general: Callable[..., Any],
        constant_like: Callable[[Any, Any], Any],
    ) -> None: ...
    def __call__(self, *operands: Any) -> Any: ...

class Contiguous:
    function: Callable[..., None]
    def __init__(self, function: Callable[..., None], packing: Callable[..., None]) -> None: ...
    def __call__(self, out: Any, *inputs: Any, **attrs: Any) -> None: ...
