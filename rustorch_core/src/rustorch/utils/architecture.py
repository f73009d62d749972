"""A module of library layers as plain data, and back: class names and arguments, never code.

``{"class": "Linear", "arguments": {...}}``, with ``"children"`` for containers.  The arguments are read
from the attributes of the same names, else they are those that the layer was made with; a twin made
from them must be equal, layer by layer.
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
#: Stacks of copies of a layer, and the argument that the layer is.
_STACKS = {"TransformerEncoder": "encoder_layer", "TransformerDecoder": "decoder_layer"}
#: Arguments that no description has: a file holds no device, and its weights bring their dtypes.
_UNWRITTEN = ("self", "device", "dtype")


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
    looks, reason = _looks(module), ""
    for arguments in (_kept_arguments, _recorded_arguments, _copied_layer):
        try:
            description = {"class": kind, **arguments(module, where)}
            if _looks(construct(description)) == looks:
                return description
            reason = reason or f"{where} differs from what {kind}'s arguments make"
        except (NotDescribableError, SerializationError) as error:
            reason = reason or str(error)
    raise NotDescribableError(reason)


def _looks(module: Any) -> Any:
    # not the dtypes: the weights of the file bring theirs
    return repr(module), {name: tuple(x.shape) for name, x in module.state_dict().items()}


def _kept_arguments(module: Any, where: str) -> dict[str, Any]:
    """Read the arguments from the attributes of the same names."""
    found = {}
    for name, parameter in inspect.signature(type(module).__init__).parameters.items():
        if name in _UNWRITTEN or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if not hasattr(module, name):
            raise NotDescribableError(f"{where} does not keep its argument {name}")
        value = getattr(module, name)
        if isinstance(value, TensorBase) or (value is None and isinstance(parameter.default, bool)):
            value = value is not None  # `bias=True` is kept as the parameter `bias`
        found[name] = _encoded(value, f"{where}.{name}")
    return {"arguments": found}


def _recorded_arguments(module: Any, where: str) -> dict[str, Any]:
    """Take the arguments that the module was made with."""
    cls, args, kwargs = module.__dict__.get("_made_with", (None, (), {}))
    if cls is not type(module):
        raise NotDescribableError(f"{where} was not made as what it is")
    bound = inspect.signature(cls).bind(*args, **kwargs)
    positional: list[Any] = []
    found = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            positional = [_encoded(item, where) for item in value]
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found.update({key: _encoded(item, where) for key, item in value.items() if key not in _UNWRITTEN})
        elif name not in _UNWRITTEN:
            found[name] = _encoded(value, f"{where}.{name}")
    return {"positional": positional, "arguments": found}


def _copied_layer(module: Any, where: str) -> dict[str, Any]:
    """Describe a stack of copies of one layer, the way such a stack is made."""
    if type(module).__name__ not in _STACKS or not len(module.layers):
        raise NotDescribableError(f"{where} is not described by its arguments")
    arguments = {
        _STACKS[type(module).__name__]: _encoded(module.layers[0], f"{where}.layers.0"),
        "num_layers": module.num_layers,
        "norm": _encoded(module.norm, f"{where}.norm"),
    }
    return {"arguments": arguments}


def _encoded(value: Any, where: str) -> Any:
    if isinstance(value, Module):
        return {"module": _described(value, where)}
    try:
        encoder = Encoder()
        encoded = encoder.encode(value)
    except SerializationError as error:
        raise NotDescribableError(f"{where} is an argument that is no plain data") from error
    if encoder.tensors:
        raise NotDescribableError(f"{where} is an argument with tensors")
    return encoded


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
    return cls(*(decode(value, {}) for value in description.get("positional", ())), **arguments)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Leave the default generator where it stands: new layers draw weights that nobody keeps."""
    state = rng.get_rng_state()
    try:
        yield
    finally:
        rng.set_rng_state(state)
