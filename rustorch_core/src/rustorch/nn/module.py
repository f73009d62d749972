"""``Module``: the base of every layer and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rustorch.autograd import HookHandle, no_grad
from rustorch.base import TensorBase
from rustorch.dtypes import FLOAT, bfloat16, dtype_of, float16, float32, float64
from rustorch.errors import ArgumentError, ArgumentTypeError, RusTorchError
from rustorch.nn import hooks as _hooks_of_modules
from rustorch.nn import state
from rustorch.nn.members import Members
from rustorch.nn.parameter import Buffer, Parameter
from rustorch.ops.blame import SYMPTOMS, explaining, raise_explained
from rustorch.tensor.tensor import _to_arguments as to_arguments

if TYPE_CHECKING:
    from typing_extensions import Self


def _of_library(cls: type) -> bool:
    return cls.__module__.startswith("rustorch.nn.")


_KINDS = ("_parameters", "_buffers", "_modules")


class Module:
    """A function with parameters, buffers and submodules.  Subclass it and define ``forward``.

    >>> import rustorch
    >>> from rustorch import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(4, 8)
    ...         self.out = nn.Linear(8, 2)
    ...
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> net = Net()
    >>> tuple(net(rustorch.ones(3, 4)).shape)
    (3, 2)
    >>> [name for name, _ in net.named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    """

    training: bool
    _parameters: Members
    _buffers: Members
    _modules: Members
    _transient: set[str]  # names of the buffers that are not part of the state
    _derived_state: frozenset[str] = frozenset()  # properties that are: read for a state, set from one
    _hooks: _hooks_of_modules.Hooks | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the dicts of members."""
        # here and not in __init__, so that a subclass that forgets super().__init__() works as well
        self = object.__new__(cls)
        attributes = self.__dict__
        for kind in _KINDS:
            attributes[kind] = Members(attributes)
        attributes["_transient"] = set()
        attributes["training"] = True
        if cls.__module__.startswith("rustorch.nn.") and not any(
            isinstance(value, (TensorBase, Module)) for value in (*args, *kwargs.values())
        ):
            attributes["_made_with"] = (cls, args, kwargs)  # plain data: what describes a layer in a file
        return self

    def __init__(self) -> None:
        pass

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the library's layers name the argument that is wrong when they cannot be made."""
        super().__init_subclass__(**options)
        if _of_library(cls) and "__init__" in cls.__dict__:
            cls.__init__ = explaining(cls.__init__, cls.__name__)  # type: ignore[method-assign]

    # -- calling -----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``forward(*args, **kwargs)``, with the module's hooks around it."""
        try:
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return _hooks_of_modules.call(self, self._hooks, args, kwargs)
        except SYMPTOMS as error:
            if isinstance(error, RusTorchError) or not _of_library(type(self)):
                raise
            raise_explained(type(self).__name__, self.forward, args, kwargs, error, first="Tensor")

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    # -- members -----------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._derived_state:
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            self._enter("_parameters", name, value)
        elif isinstance(value, Module):
            self._enter("_modules", name, value)
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, persistent=value.persistent)
        else:
            for kind, needed, what in _REQUIRED:
                if name in self.__dict__[kind]:
                    if value is not None and not isinstance(value, needed):
                        raise ArgumentTypeError(
                            f"{type(self).__name__}.{name}: a {what} or None is required, "
                            f"got {type(value).__name__}",
                            hint="delete the attribute first to make it something else",
                        )
                    self.__dict__[kind][name] = value
                    return
            object.__setattr__(self, name, value)

    def _enter(self, kind: str, name: str, value: Any) -> None:
        for other in _KINDS:
            if other != kind:
                self.__dict__[other].pop(name, None)
        self._transient.discard(name)
        self.__dict__[kind][name] = value

    def __delattr__(self, name: str) -> None:
        for kind in _KINDS:
            if name in self.__dict__[kind]:
                del self.__dict__[kind][name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None keeps the place without a value."""
        self._check_new("register_parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise ArgumentTypeError(
                f"register_parameter: a Parameter or None is required, got {type(param).__name__}"
            )
        self._enter("_parameters", name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state and moves with the module, and is not learned.

        Args:
            name: the attribute.
            tensor: a tensor, or None to keep the place without a value.
            persistent: whether ``state_dict`` contains it.
        """
        self._check_new("register_buffer", name)
        if tensor is not None and not isinstance(tensor, TensorBase):
            raise ArgumentTypeError(
                f"register_buffer: a tensor or None is required, got {type(tensor).__name__}"
            )
        self._enter("_buffers", name, tensor)
        if not persistent:
            self._transient.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under a name."""
        self._check_new("add_module", name)
        if module is not None and not isinstance(module, Module):
            raise ArgumentTypeError(f"add_module: a Module or None is required, got {type(module).__name__}")
        self._enter("_modules", name, module)

    register_module = add_module

    def _check_new(self, what: str, name: Any) -> None:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"{what}: the name must be a string, got {type(name).__name__}")
        if not name or "." in name:
            raise ArgumentError(f"{what}: the name must not be empty or contain a dot, got {name!r}")
        if hasattr(self, name) and not any(name in self.__dict__[kind] for kind in _KINDS):
            raise ArgumentError(f"{what}: {type(self).__name__} already has an attribute {name!r}")

    def get_submodule(self, target: str) -> Module:
        """Return the submodule with a dotted name; the module itself for an empty one."""
        module = self
        for part in target.split(".") if target else ():
            found = module._modules.get(part)
            if found is None:
                raise _NoMemberError(f"get_submodule: {type(self).__name__} has no submodule {target!r}")
            module = found
        return module

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter with a dotted name."""
        return self._member("_parameters", "get_parameter", "parameter", target)  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Any:
        """Return the buffer with a dotted name."""
        return self._member("_buffers", "get_buffer", "buffer", target)

    def _member(self, kind: str, method: str, what: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path).__dict__[kind].get(name)
        if found is None:
            raise _NoMemberError(f"{method}: {type(self).__name__} has no {what} {target!r}")
        return found

    # -- walking -----------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield the dotted name and the module, for this one (an empty name) and all below it."""
        memo = set() if memo is None else memo
        if remove_duplicate and self in memo:
            return
        memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the names and modules directly below this one."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below this one."""
        for _, child in self.named_children():
            yield child

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the dotted names and parameters; a shared one once, unless duplicates are kept."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once; without `recurse` only this module's own."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """Yield the dotted names and buffers."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """Yield the buffers, each once; without `recurse` only this module's own."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named(self, kind: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in module.__dict__[kind].items():
                if value is None or (once and value in seen):
                    continue
                seen.add(value)
                yield f"{path}.{name}" if path else name, value

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` on every submodule, then on this module; return self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # -- modes and gradients -----------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode (or evaluation mode) here and below; return self."""
        if not isinstance(mode, bool):
            raise ArgumentTypeError(f"train: True or False is required, got {type(mode).__name__}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode here and below; return self."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether autograd records operations on the parameters; return self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the parameters, or set them to zero."""
        for parameter in self.parameters():
            grad = parameter.grad_
            if grad is not None:
                if set_to_none:
                    parameter.grad_ = None
                else:
                    parameter.grad_ = grad.detach().zero_()

    # -- moving and converting ---------------------------------------------------------------------

    def _apply(self, fn: Callable[[Any], Any]) -> Self:
        """Replace the storage of every parameter, gradient and buffer by that of ``fn(tensor)``.

        The tensors stay the same objects, so optimizers and shared layers keep what they hold.
        """
        seen: set[int] = set()
        with no_grad():
            for module in self.modules():
                for tensor in [*module._parameters.values(), *module._buffers.values()]:
                    if tensor is None or id(tensor) in seen:
                        continue
                    seen.add(id(tensor))
                    new = fn(tensor.detach())
                    if new is not tensor:
                        tensor.data = new
                    if tensor.grad_ is not None:
                        tensor.grad_ = fn(tensor.grad_.detach())
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the module to a device and/or convert its floating-point tensors to a dtype, in place.

        Accepts ``to(device)``, ``to(dtype)``, ``to(device, dtype)`` and ``to(tensor)``; returns self.
        Tensors move one by one; :func:`rustorch.migrate` moves the optimizer too, all or nothing.
        """
        dtype, device, _copy = to_arguments(args, kwargs)
        if dtype is not None and dtype.category < FLOAT:
            raise ArgumentError(
                f"to: a floating-point or complex dtype is required for a module, got {dtype.name}"
            )
        return self._apply(lambda x: x.to(dtype=dtype if x.dtype.category >= FLOAT else None, device=device))

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype; return self."""
        return self._apply(lambda x: x.to(dtype_of(dst_type)))

    def float(self) -> Self:
        """Convert the floating-point tensors to float32; return self."""
        return self.to(float32)

    def double(self) -> Self:
        """Convert the floating-point tensors to float64; return self."""
        return self.to(float64)

    def half(self) -> Self:
        """Convert the floating-point tensors to float16; return self."""
        return self.to(float16)

    def bfloat16(self) -> Self:
        """Convert the floating-point tensors to bfloat16; return self."""
        return self.to(bfloat16)

    def cpu(self) -> Self:
        """Move to device ``cpu``; return self."""
        return self._apply(lambda x: x.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move to device ``cuda``; return self."""
        return self._apply(lambda x: x.cuda(device))

    # -- state -------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return the parameters and persistent buffers by dotted name, sharing their memory.

        Args:
            destination: a dict to write into; a new one if None.
            prefix: is put before every name.
            keep_vars: return the tensors themselves instead of detached ones.
        """
        into: dict[str, Any] = {} if destination is None else destination
        state.write(self, into, prefix, keep_vars=keep_vars)
        return into

    def load_state_dict(
        self, state_dict: Any, strict: bool = True, assign: bool = False
    ) -> state.IncompatibleKeys:
        """Copy parameters and buffers from a state dict (of tensors or arrays).

        Nothing changes unless everything fits.

        Args:
            state_dict: values by dotted name.
            strict: the names must be exactly the module's.
            assign: take the given tensors themselves, with their dtype and device, instead of copying.

        Returns:
            the pair (missing_keys, unexpected_keys).

        Raises:
            TensorError: names all missing and unexpected keys (if strict) and all sizes that differ.
        """
        return state.load(self, state_dict, strict=strict, assign=assign)

    def _optional_state(self, _prefix: str) -> frozenset[str]:
        """Return keys that an older state may lack."""
        return frozenset()

    # -- hooks -------------------------------------------------------------------------------------

    def _add_hook(self, kind: str, hook: Callable[..., Any], **options: bool) -> HookHandle:
        if not callable(hook):
            raise ArgumentTypeError(f"hook: a callable is required, got {type(hook).__name__}")
        if self._hooks is None:
            self._hooks = _hooks_of_modules.Hooks()
        return self._hooks.add(kind, hook, **options)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call ``hook(module, args)`` before forward; it may return other arguments.

        With `with_kwargs`: ``hook(module, args, kwargs)``, which may return ``(args, kwargs)``.
        """
        return self._add_hook("forward_pre", hook, prepend=prepend, with_kwargs=with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> HookHandle:
        """Call ``hook(module, args, result)`` after forward; it may return another result.

        With `with_kwargs`: ``hook(module, args, kwargs, result)``.  `always_call`: also if forward raised.
        """
        return self._add_hook("forward", hook, prepend=prepend, with_kwargs=with_kwargs, always=always_call)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call ``hook(module, grad_input, grad_output)`` in backward; it may return a grad_input."""
        return self._add_hook("backward", hook, prepend=prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; it may return another."""
        return self._add_hook("backward_pre", hook, prepend=prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict``."""
        return self._add_hook("state_dict_pre", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, state_dict, prefix, {})`` after ``state_dict``; it may change the dict."""
        return self._add_hook("state_dict", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, state_dict, prefix, {}, strict, missing, unexpected, errors)`` first."""
        return self._add_hook("load_state_dict_pre", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> HookHandle:
        """Call ``hook(module, incompatible_keys)`` after loading."""
        return self._add_hook("load_state_dict_post", hook)

    # -- copies and text ---------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state_of = self.__dict__.copy()
        for kind in _KINDS:
            for name in state_of[kind]:
                state_of.pop(name, None)  # repeats the entry of the members
            state_of[kind] = dict(state_of[kind])
        state_of["_transient"] = set(state_of["_transient"])
        return state_of

    def __setstate__(self, stored: dict[str, Any]) -> None:
        attributes = self.__dict__
        for kind in _KINDS:
            attributes.setdefault(kind, Members(attributes))
        attributes.update({k: v for k, v in stored.items() if k not in _KINDS})
        for kind in _KINDS:
            attributes[kind].update(stored[kind])

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__()})

    def extra_repr(self) -> str:
        """Return what ``repr`` shows between the parentheses; a subclass may define it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {_indented(repr(child))}" for name, child in self._modules.items()]
        if not children and len(extra) <= 1:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*extra, *children]) + "\n)"


class _NoMemberError(RusTorchError, AttributeError):
    """A module has no member of this name."""


_REQUIRED = (
    ("_parameters", Parameter, "Parameter"),
    ("_modules", Module, "Module"),
    ("_buffers", TensorBase, "Tensor"),
)


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
