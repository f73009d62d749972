"""A module of library layers as plain data, and back: class names and arguments, never code.

``{"class": "Linear", "arguments": {...}}``, with ``"children"`` for containers.  The arguments are read
from the attributes of the same names, and a twin made from them must be equal, layer by layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rustorch import nn, rng
from rustorch.base import TensorBase
from rustorch.errors import RusTorchError, SerializationError
from rustorch.nn.module import Module
from rustorch.utils.tree import Encoder, decode

_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


class NotDescribableError(RusTorchError):
    """Names alone do not say what a module is; the text says which part of it."""


def describe(module: Any) -> dict[str, Any]:
    """Return the description of a module.

    Raises:
        NotDescribableError: if it is not built of library layers alone, or shares parts.
    """
    seen: set[int] = set()
    for name, part in [*module.named_modules(remove_duplicate=False), *_parameters(module)]:
        if id(part) in seen:
            raise NotDescribableError(f"{name} is used in two places")
        seen.add(id(part))
    with same_random_numbers():
        return _described(module, "the model")


def _parameters(module: Any) -> list[tuple[str, Any]]:
    return list(module.named_parameters(remove_duplicate=False))


def _described(module: Any, where: str) -> dict[str, Any]:
    kind = type(module).__name__
    if find_class(kind) is not type(module):
        raise NotDescribableError(f"{where} is a {type(module).__module__}.{kind}, no layer of rustorch.nn")
    if kind in _CONTAINERS:
        children = module.named_children()
        return {"class": kind, "children": [[name, _described(child, name)] for name, child in children]}
    description = {"class": kind, "arguments": _arguments(module, where)}
    twin = construct(description)
    if _looks(twin) != _looks(module):
        raise NotDescribableError(f"{where} differs from what {kind}'s arguments make")
    return description


def _looks(module: Any) -> Any:
    return repr(module), {name: (x.shape, x.dtype) for name, x in module.state_dict().items()}


def _arguments(module: Any, where: str) -> dict[str, Any]:
    found = {}
    for name, parameter in inspect.signature(type(module).__init__).parameters.items():
        if name in ("self", "device") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = _argument(module, name, parameter.default, where)
        if isinstance(value, Module):
            found[name] = {"module": _described(value, f"{where}.{name}")}
            continue
        try:
            found[name] = Encoder().encode(value)
        except SerializationError as error:
            raise NotDescribableError(f"{where} has an argument {name} that is no plain data") from error
    return found


def _argument(module: Any, name: str, default: Any, where: str) -> Any:
    if name == "dtype":
        return next((p.dtype for p in module.parameters() if p.dtype.is_floating_point), None)
    if not hasattr(module, name):
        raise NotDescribableError(f"{where} does not keep its argument {name}")
    value = getattr(module, name)
    if isinstance(value, TensorBase) or (value is None and isinstance(default, bool)):
        return value is not None  # `bias=True` is kept as the parameter `bias`
    return value


def find_class(name: Any) -> Any:
    """Return the layer of `rustorch.nn` with this name, or None."""
    found = getattr(nn, name, None) if isinstance(name, str) and name.isidentifier() else None
    if isinstance(found, type) and issubclass(found, Module) and found is not Module:
        return found
    return None


def construct(description: Any) -> Any:
    """Return a new module for a description; nothing but layers of `rustorch.nn` is ever made.

    Raises:
        SerializationError: if the description is not valid; says why.
    """
    try:
        with same_random_numbers():
            return _constructed(description)
    except (RusTorchError, TypeError, KeyError, ValueError, RecursionError, AttributeError) as error:
        raise SerializationError(f"load_model: the description makes no model: {error}") from error


def _constructed(description: Any) -> Any:
    kind = description["class"]
    cls = find_class(kind)
    if cls is None:
        raise SerializationError(f"rustorch.nn has no layer {kind!r}", hint="a newer RusTorch may have it")
    if kind in _CONTAINERS:
        container = cls()
        for name, child in description["children"]:
            container.add_module(name, _constructed(child))
        return container
    arguments = {}
    for name, value in description["arguments"].items():
        nested = isinstance(value, dict) and "module" in value
        arguments[name] = _constructed(value["module"]) if nested else decode(value, {})
    return cls(**arguments)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Leave the default generator where it stands: new layers draw weights that nobody keeps."""
    state = rng.get_rng_state()
    try:
        yield
    finally:
        rng.set_rng_state(state)
