"""Parameters: the tensors that a module learns."""

from __future__ import annotations

from typing import Any

from rustorch.base import TensorBase, view_of
from rustorch.device import as_device
from rustorch.dtypes import dtype_of, get_default_dtype
from rustorch.errors import ArgumentTypeError, AutogradError
from rustorch.ops import creation
from rustorch.tensor import Tensor


class Parameter(Tensor):
    """A tensor that becomes a parameter of the module it is assigned to.

    It shares the memory of `data` and is a leaf.  Calling it returns itself, so that
    ``layer.weight`` and ``layer.weight()`` are the same.

    >>> import rustorch
    >>> rustorch.nn.Parameter(rustorch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        """Make a parameter of a tensor.

        Args:
            data: a tensor; an empty one if None.
            requires_grad: whether to learn it.

        Raises:
            ArgumentTypeError: if `data` is no tensor.
        """
        if data is None:
            data = creation.empty(0)
        if not isinstance(data, TensorBase):
            raise ArgumentTypeError(f"Parameter: a tensor is required, got {type(data).__name__}")
        if not isinstance(requires_grad, bool):
            raise ArgumentTypeError(
                f"Parameter: requires_grad must be True or False, got {type(requires_grad).__name__}"
            )
        self: Parameter = view_of(data, data.shape, data.strides, data.offset, cls)
        if requires_grad:
            creation.require_grad(self)
        return self

    def __call__(self) -> Parameter:
        """Return itself."""
        return self


class Buffer(Tensor):
    """A tensor that becomes a buffer of the module it is assigned to: state that is not learned."""

    __slots__ = ()
    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Buffer:
        """Make a buffer of a tensor; one that is not `persistent` is left out of ``state_dict``."""
        if data is None:
            data = creation.empty(0)
        if not isinstance(data, TensorBase):
            raise ArgumentTypeError(f"Buffer: a tensor is required, got {type(data).__name__}")
        self: Buffer = view_of(data, data.shape, data.strides, data.offset, cls)
        self.persistent = persistent
        return self


_UNKNOWN = frozenset({"shape", "strides", "storage", "offset", "address"})


class UninitializedTensor(Tensor):
    """A parameter or buffer whose shape is not known yet: it has a dtype and a device, and no elements."""

    __slots__ = ()
    becomes: type[Tensor] = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> Any:
        """Make one; `materialize` turns it into a tensor, keeping the object."""
        self = object.__new__(cls)
        self.dtype = get_default_dtype() if dtype is None else dtype_of(dtype)
        self.device = as_device(device)
        self.needs_grad = requires_grad
        self.node = None
        self.base = None
        return self

    def __getattr__(self, name: str) -> Any:
        if name in _UNKNOWN:
            raise AutogradError(
                f"{type(self).__name__}: its {name} is not known before the first forward of its lazy module",
                hint="call the module once on an example",
            )
        return super().__getattr__(name)

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape and uninitialised elements; from now on it is an ordinary tensor."""
        made = creation.empty(
            shape, device=self.device if device is None else device, dtype=dtype or self.dtype
        )
        self.data = made
        self.__class__ = self.becomes  # type: ignore[assignment]

    @property
    def data(self) -> Tensor:
        """Itself: there is nothing else yet."""
        return self

    @data.setter
    def data(self, value: Tensor) -> None:
        if isinstance(value, UninitializedTensor):
            self.dtype, self.device = value.dtype, value.device
        else:
            Tensor.data.fset(self, value)  # type: ignore[attr-defined]

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return one in another dtype or for another device."""
        like = creation.empty(0, dtype=self.dtype, device=self.device).to(*args, **kwargs)
        return type(self)(self.needs_grad, like.device, like.dtype)  # type: ignore[no-any-return]

    def detach(self) -> Tensor:
        """Return itself: there is no history."""
        return self

    def __repr__(self, *_args: Any) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return type(self), (self.needs_grad, str(self.device), self.dtype.name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = memo[id(self)] = type(self)(self.needs_grad, self.device, self.dtype)
        return copied


class UninitializedParameter(UninitializedTensor, Parameter):
    """A parameter whose shape is not known yet; see :class:`LazyModuleMixin`."""

    __slots__ = ()
    becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        """Make one; `materialize` turns it into a `Parameter`, keeping the object."""
        return super().__new__(cls, requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensor):
    """A buffer whose shape is not known yet; see :class:`LazyModuleMixin`."""

    __slots__ = ()
