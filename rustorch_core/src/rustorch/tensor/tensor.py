"""The class ``Tensor``: attributes, conversion, autograd.  Its operations come from the op table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch import autograd, dtypes, ops
from rustorch.autograd import inplace
from rustorch.base import TensorBase, alias_of, allocate, become, set_result_class, view_of
from rustorch.device import Device, as_device
from rustorch.dispatch.policy import transfer
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DTypeError,
    OutOfBoundsError,
    ShapeError,
)
from rustorch.ops import creation
from rustorch.ops.movement import check_memory_format
from rustorch.shape import normalize_dim
from rustorch.tape import Output, mode
from rustorch.tensor import host, indexing, methods, printing

if TYPE_CHECKING:
    from rustorch.tape import Node

    def _binary(self: Any, other: Any) -> Any: ...
    def _unary(self: Any) -> Any: ...


class Tensor(TensorBase):
    """A multi-dimensional array on a device, followed by autograd if it requires grad.

    ``Tensor(data)`` makes a tensor of the default float dtype; :func:`rustorch.tensor` keeps the
    dtype of the data.

    >>> import rustorch
    >>> x = rustorch.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()
    __array_priority__ = 1000  # NumPy's operators leave mixed expressions to us

    if (
        TYPE_CHECKING
    ):  # for type checkers; at run time the operators come from the op table (`methods.attach`)
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _binary
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _binary
        __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __lshift__ = __rshift__ = _binary
        __and__ = __or__ = __xor__ = __lt__ = __le__ = __gt__ = __ge__ = _binary
        __eq__ = __ne__ = _binary
        __neg__ = __abs__ = __invert__ = _unary

    def __new__(
        cls, data: Any = (), *sizes: int, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        """Return a new leaf of this class with the values of `data`, or, given several sizes, with any values."""
        made: Any
        if sizes:
            made = creation.empty(data, *sizes, dtype=dtype, device=device)
        elif isinstance(data, TensorBase):
            made = data.detach() if dtype is None and device is None else data.to(dtype=dtype, device=device)
        else:
            made = creation.tensor(
                data, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device
            )
        self: Tensor = view_of(made, made.shape, made.strides, made.offset, cls)
        if requires_grad:
            creation.require_grad(self)
        return self

    # -- facts -------------------------------------------------------------------------------------

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lies on a device of type "cuda"."""
        return self.device.type == "cuda"

    @property
    def ndim(self) -> int:
        """Number of dims."""
        return len(self.shape)

    def dim(self) -> int:
        """Return the number of dims."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dim."""
        if dim is None:
            return self.shape
        return self.shape[self._existing("size", dim)]

    def _existing(self, name: str, dim: int) -> int:
        if not self.shape:
            raise OutOfBoundsError(f"{name}: a 0-d tensor has no dims, got dim {dim!r}")
        return normalize_dim(name, dim, len(self.shape))

    def numel(self) -> int:
        """Return the number of elements."""
        return self.shape.elements

    nelement = numel

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.shape.elements * self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the strides in elements, or that of one dim."""
        return tuple(self.strides) if dim is None else self.strides[self._existing("stride", dim)]

    def storage_offset(self) -> int:
        """Return the position of the first element in the storage, in elements."""
        return self.offset

    def data_ptr(self) -> int:
        """Return the address of the first element, where the backend's buffers are addresses."""
        return host.address_of(self)

    def record_stream(self, stream: Any) -> None:
        """Say that this tensor is used on `stream` too: its memory serves nothing else before that is done."""
        record = getattr(self.device.runtime, "record_stream", None)
        if record is not None:
            record(self.storage.buffer, stream.of_runtime)

    def is_contiguous(self) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        return self.strides is self.shape.strides

    def is_floating_point(self) -> bool:
        """Return whether the dtype is a real floating-point one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Return whether the dtype is complex."""
        return self.dtype.is_complex

    @property
    def _version(self) -> int:
        return self.storage.version

    # -- autograd ----------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether autograd records operations on this tensor."""
        return self.needs_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether autograd records operations on this leaf; return self."""
        if not isinstance(requires_grad, bool):
            raise ArgumentTypeError(
                f"requires_grad_: True or False is required, got {type(requires_grad).__name__}"
            )
        if not requires_grad and self.node is not None:
            raise AutogradError("requires_grad_: only a leaf can stop requiring grad", hint="use detach()")
        if requires_grad and not self.needs_grad:
            if self.is_inference_:
                raise AutogradError(
                    "requires_grad_: a tensor made in inference_mode cannot require grad", hint="clone() it"
                )
            creation.require_grad(self)
        elif not requires_grad:
            self.needs_grad = False
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation produced it."""
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The tape node that produced it, or None for a leaf."""
        autograd.inplace.refresh(self)
        return self.node.node if isinstance(self.node, Output) else self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by ``backward()``, or None."""
        return self.grad_

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, TensorBase):
            raise ArgumentError(f"grad: a tensor or None is required, got {type(value).__name__}")
        if value is not None and (value.shape != self.shape or value.device is not self.device):
            raise ShapeError(
                f"grad: shape {tuple(self.shape)} on {self.device} is required, "
                f"got {tuple(value.shape)} on {value.device}"
            )
        self.grad_ = value

    def zero_grad(self) -> None:
        """Forget the accumulated gradient."""
        self.grad_ = None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Accumulate the derivative of this tensor in the ``grad`` of the leaves that it depends on.

        Args:
            gradient: of some function with respect to this tensor; may be left out for one element.
            retain_graph: keep what the tape saved, to differentiate again.
            create_graph: record the derivative itself, to differentiate it.
            inputs: the leaves to accumulate in; all if None.
        """
        autograd.backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """Return a tensor with the same memory and no history."""
        return alias_of(self)  # type: ignore[no-any-return]

    def detach_(self) -> Tensor:
        """Forget the history of this tensor; return self."""
        if self.base is not None:
            raise AutogradError("detach_: a view cannot be detached in place", hint="use detach()")
        self.node = None
        self.needs_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The tensor without history, sharing its memory."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, TensorBase):
            raise ArgumentError(f"data: a tensor is required, got {type(value).__name__}")
        become(self, value)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> autograd.HookHandle:
        """Call `hook` with the gradient of this tensor when it is computed; it may return another.

        Returns:
            a handle with ``remove()``.
        """
        return autograd.register_tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> autograd.HookHandle:
        """Call `hook` with this leaf after a backward has accumulated its ``grad``."""
        return autograd.register_accumulate_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in ``grad``."""
        autograd.retain_grad(self)

    # -- conversion --------------------------------------------------------------------------------

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the tensor in another dtype and/or on another device; itself if nothing changes.

        Accepts ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(other_tensor)`` and the
        keywords ``dtype``, ``device``, ``copy``, ``non_blocking``.
        """
        dtype, device, copy = _to_arguments(args, kwargs)
        device = self.device if device is None else device
        dtype = self.dtype if dtype is None else dtype
        x = self
        if device is not x.device:
            x = _to_device(x, device=device)
        if dtype is not x.dtype:
            if dtype.name not in device.info.dtypes:
                raise DTypeError(f"to: {dtype.name} does not exist on device {device}")
            x = _cast(x, dtype=dtype)
        return x.clone() if copy and x is self else x

    def type(self, dtype: Any = None) -> Any:
        """Return the dtype's name, or the tensor in another dtype."""
        return f"rustorch.{self.dtype.name}" if dtype is None else self.to(dtype_of(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """Return the tensor in the dtype and on the device of another."""
        return self.to(other)

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """Return a NumPy array that shares the tensor's memory (a copy if it is on another device).

        Args:
            force: also detach it and copy it to the host.
        """
        return host.to_numpy(self, force=force)

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """Return the values as a NumPy array, from any device and detached."""
        return host.to_numpy(self, force=True)

    def item(self) -> Any:
        """Return the value of a tensor of one element as a Python number."""
        return host.item(self)

    def tolist(self) -> Any:
        """Return the values in nested lists (a number if 0-d)."""
        return host.to_numpy(self, force=True).tolist()

    to_list = tolist

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return host.to_dlpack(self, options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return host.dlpack_device(self)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return host.reduce(self)

    def __copy__(self) -> Tensor:
        return view_of(self, self.shape, self.strides, self.offset, type(self))  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return host.deepcopy(self, memo)  # type: ignore[no-any-return]  # of the class of self

    def new_tensor(
        self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        """Return ``tensor(data)`` in this tensor's dtype and on its device."""
        return creation.tensor(
            data,
            dtype=self.dtype if dtype is None else dtype,
            device=self.device if device is None else device,
            requires_grad=requires_grad,
        )

    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return an uninitialised tensor in this tensor's dtype and on its device."""
        return creation.empty(
            *size,
            dtype=self.dtype if dtype is None else dtype,
            device=self.device if device is None else device,
        )

    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return zeros in this tensor's dtype and on its device."""
        return creation.zeros(
            *size,
            dtype=self.dtype if dtype is None else dtype,
            device=self.device if device is None else device,
        )

    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return ones in this tensor's dtype and on its device."""
        return creation.ones(
            *size,
            dtype=self.dtype if dtype is None else dtype,
            device=self.device if device is None else device,
        )

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
        """Return `fill_value` in this tensor's dtype and on its device."""
        return creation.full(
            size,
            fill_value,
            dtype=self.dtype if dtype is None else dtype,
            device=self.device if device is None else device,
        )

    def new_arange(self, *args: Any) -> Tensor:
        """Return ``arange(*args)`` in int64 on this tensor's device."""
        result: Tensor = ops.functions["arange"].function(*args, device=self.device)
        return result

    # -- changing in place -------------------------------------------------------------------------

    def copy_(self, source: Any, non_blocking: bool = False) -> Tensor:
        """Replace the elements by those of `source`, which broadcasts and is converted; return self."""
        del non_blocking  # a copy is ordered after the work before it on every backend
        inplace.copy_into(self, source)
        return self

    def fill_(self, value: Any) -> Tensor:
        """Set every element to a number or 0-d tensor; return self."""
        inplace.copy_into(self, value)
        return self

    def zero_(self) -> Tensor:
        """Set every element to 0; return self."""
        inplace.copy_into(self, 0)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        indexing.set_item(self, index, value)

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.get_item(self, index)  # type: ignore[no-any-return]

    # -- Python's protocols ------------------------------------------------------------------------

    def __repr__(self, *_args: Any) -> str:
        return printing.text_of(self)

    def __format__(self, spec: str) -> str:
        # a plain 0-d tensor reads as its number, as in PyTorch: f"loss {loss}"
        number = not self.shape and (spec or type(self) is Tensor)
        return format(self.item(), spec) if number else format(str(self), spec)

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise ArgumentError("iter: a 0-d tensor cannot be iterated over")
        return iter(ops.movement.unbind(self))

    def __bool__(self) -> bool:
        return bool(host.single(self, "bool"))

    def __float__(self) -> float:
        return float(host.single(self, "float"))

    def __int__(self) -> int:
        return int(host.single(self, "int"))

    def __complex__(self) -> complex:
        return complex(host.single(self, "complex"))

    def __index__(self) -> int:
        if self.dtype.category > dtypes.INT:
            raise ArgumentError(f"index: an integer tensor is required, got {self.dtype.name}")
        return int(host.single(self, "index"))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__


def _to_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[DType | None, Device | None, bool]:
    dtype, device = kwargs.pop("dtype", None), kwargs.pop("device", None)
    copy = kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    check_memory_format("to", kwargs.pop("memory_format", None))
    if kwargs:
        raise ArgumentError(f"to: unexpected argument {next(iter(kwargs))!r}")
    for value in args:
        if isinstance(value, TensorBase):
            dtype, device = value.dtype, value.device
        elif isinstance(value, (DType, type)) or (isinstance(value, str) and _names_dtype(value)):
            dtype = value
        elif isinstance(value, bool):
            continue  # non_blocking, copy by position
        elif value is not None:
            device = value
    return None if dtype is None else dtype_of(dtype), None if device is None else as_device(device), copy


def _names_dtype(name: str) -> bool:
    try:
        dtype_of(name)
    except DTypeError:
        return False
    return True


class _Cast(ops.op.Op):
    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        (x,) = operands
        dtype = attrs["dtype"]
        out = allocate(x.shape, dtype, x.device)
        x.device.kernels["cast"][x.dtype](out, x)
        if x.needs_grad and mode.grad and dtype.category >= dtypes.FLOAT:
            from rustorch.tape import record

            record(self, out, (x,), attrs)
        return out


_cast = _Cast("cast", lambda x, *, dtype: (x.shape, dtype), doc="Convert to another dtype.")
_cast.vjp(lambda g, _out, _x, *, dtype: g.to(_x.dtype))  # noqa: ARG005 - a rule takes the attributes of its op


class _ToDevice(ops.op.Op):
    dispatched = False

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        (x,) = operands
        device = attrs["device"]
        if x.dtype.name not in device.info.dtypes:
            raise DTypeError(f"to: {x.dtype.name} does not exist on device {device}", hint="convert it first")
        out = transfer(x, device)
        if x.needs_grad and mode.grad:
            from rustorch.tape import record

            record(self, out, (x,), attrs)
        return out


_to_device = _ToDevice("to_device", lambda x, *, device: (x.shape, x.dtype), doc="Copy to another device.")  # noqa: ARG005 - the same
_to_device.vjp(lambda g, _out, _x, *, device: g.to(_x.device))  # noqa: ARG005 - the same

set_result_class(Tensor)
methods.attach(Tensor)
