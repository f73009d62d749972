"""The state of a module as a dict: written, checked and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rustorch.autograd import no_grad
from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, TensorError
from rustorch.nn.parameter import Parameter, UninitializedTensor
from rustorch.ops import creation
from rustorch.shape import Shape

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What a state dict and a module do not share."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def has_extra_state(module: Any, method: str) -> bool:
    """Return whether the module's class defines ``get_extra_state`` or ``set_extra_state``."""
    return getattr(type(module), method, None) is not None


def own_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters, persistent buffers and derived tensors of the module itself."""
    for name in module._derived_state:
        yield name, getattr(module, name)
    for name, tensor in module._parameters.items():
        if tensor is not None:
            yield name, tensor
    for name, tensor in module._buffers.items():
        if tensor is not None and name not in module._transient:
            yield name, tensor


def write(module: Any, into: dict[str, Any], prefix: str, *, keep_vars: bool) -> None:
    """Enter the state of a module and its submodules."""
    hooks = module._hooks
    if hooks is not None:
        hooks.run("state_dict_pre", module, prefix, keep_vars)
    for name, tensor in own_tensors(module):
        into[prefix + name] = tensor if keep_vars else tensor.detach()
    if has_extra_state(module, "get_extra_state"):
        into[prefix + EXTRA] = module.get_extra_state()
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=into, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    if hooks is not None:
        hooks.run("state_dict", module, into, prefix, {})


class _Loading:
    """One ``load_state_dict``: everything is checked before the first element changes."""

    def __init__(self, state: dict[str, Any], *, strict: bool, assign: bool) -> None:
        self.state = state
        self.strict = strict
        self.assign = assign
        self.missing: list[str] = []
        self.errors: list[str] = []
        self.expected: set[str] = set()
        self.copies: list[tuple[Any, str, Any, Any]] = []  # module, name, its tensor, the source

    def visit(self, module: Any, prefix: str) -> None:
        """Match a module and its submodules with the state."""
        if module._hooks is not None:
            module._hooks.run(
                "load_state_dict_pre",
                module,
                self.state,
                prefix,
                {},
                self.strict,
                self.missing,
                [],
                self.errors,
            )
        for name, tensor in own_tensors(module):
            self._match(module, name, tensor, prefix + name)
        if has_extra_state(module, "set_extra_state"):
            self.expected.add(prefix + EXTRA)
            if prefix + EXTRA not in self.state:
                self.missing.append(prefix + EXTRA)
        for name, child in module._modules.items():
            if child is not None:
                self.visit(child, f"{prefix}{name}.")

    def _match(self, module: Any, name: str, tensor: Any, key: str) -> None:
        self.expected.add(key)
        if key not in self.state:
            if key not in module._optional_state(key.removesuffix(name)):
                self.missing.append(key)
            return
        source = self.state[key]
        if not hasattr(source, "shape"):
            self.errors.append(f"{key}: a tensor is required, got {type(source).__name__}")
            return
        if isinstance(source, UninitializedTensor):
            if not isinstance(tensor, UninitializedTensor):
                self.errors.append(f"{key}: the state has no value yet for it, and the module has")
            return
        if not isinstance(tensor, UninitializedTensor) and tuple(source.shape) != tuple(tensor.shape):
            self.errors.append(
                f"size mismatch for {key}: the module has shape {tuple(tensor.shape)}, "
                f"the state has {tuple(source.shape)}"
            )
            return
        self.copies.append((module, name, tensor, source))

    def copy(self) -> None:
        """Write the matched values into the module."""
        with no_grad():
            for module, name, tensor, source in self.copies:
                value = (
                    source
                    if isinstance(source, TensorBase)
                    else creation.tensor(source, device=tensor.device)
                )
                if name in module._derived_state:
                    setattr(module, name, value if self.assign else value.to(tensor))
                    continue
                if self.assign:
                    _assign(module, name, tensor, value)
                    continue
                if isinstance(tensor, UninitializedTensor):
                    tensor.materialize(Shape(value.shape))
                tensor.copy_(value)


def _assign(module: Any, name: str, old: Any, value: Any) -> None:
    if isinstance(old, Parameter):
        new = value if isinstance(value, Parameter) else Parameter(value, requires_grad=old.needs_grad)
        module._parameters[name] = new
    else:
        module._buffers[name] = value


def load(module: Any, state_dict: Any, *, strict: bool, assign: bool) -> IncompatibleKeys:
    """Copy a state dict into a module; see ``Module.load_state_dict``."""
    if not isinstance(state_dict, Mapping):
        raise ArgumentTypeError(f"load_state_dict: a dict is required, got {type(state_dict).__name__}")
    loading = _Loading(dict(state_dict), strict=strict, assign=assign)
    loading.visit(module, "")
    unexpected = [key for key in loading.state if key not in loading.expected]
    keys = IncompatibleKeys(loading.missing, unexpected)
    problems = list(loading.errors)
    if strict:
        if keys.missing_keys:
            problems.insert(0, "missing keys: " + ", ".join(map(repr, keys.missing_keys)))
        if keys.unexpected_keys:
            problems.insert(0, "unexpected keys: " + ", ".join(map(repr, keys.unexpected_keys)))
    if problems:
        raise TensorError(
            f"load_state_dict: the state does not fit {type(module).__name__}:\n  " + "\n  ".join(problems)
        )
    loading.copy()
    for prefix, child in module.named_modules():
        key = f"{prefix}.{EXTRA}" if prefix else EXTRA
        if has_extra_state(child, "set_extra_state") and key in loading.state:
            child.set_extra_state(loading.state[key])
        if child._hooks is not None:
            child._hooks.run("load_state_dict_post", child, keys)
    return keys
