"""The table of layers that strings can name, and the binding of a string's arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.training.errors import did_you_mean
from rustorch.training.layers import grammar

#: From the shape of the first input, batch included, to the modules that the layer consists of.
Build = Callable[[tuple[int, ...]], list[Any]]
Maker = Callable[..., Build]


@dataclass(frozen=True)
class LayerKind:
    """A layer that strings can name."""

    name: str
    make: Maker
    example: str


_kinds: dict[str, LayerKind] = {}  # by lower-case name
_names: list[str] = []


def layer(*names: str, example: str) -> Callable[[Maker], Maker]:
    """Enter a function that checks a layer's arguments and returns how to build it, under its names."""

    def enter(make: Maker) -> Maker:
        kind = LayerKind(names[0], make, example)
        _names.append(names[0])
        for name in names:
            _kinds[name.lower()] = kind
        return make

    return enter


def layer_names() -> list[str]:
    """Return the names of all layers that strings can name."""
    return sorted(_names)


def resolve(text: str) -> tuple[str, Build]:
    """Return the name of the layer that a string describes, and how to build it.

    Raises:
        ArgumentError: if there is no such layer, or its arguments do not fit.
    """
    call = grammar.read(text)
    kind = _kinds.get(call.name.lower())
    if kind is None:
        raise ArgumentError(
            f"{call.name}: no such layer{did_you_mean(call.name, _names)}",
            hint=f"the layers are {', '.join(layer_names())}; any nn.Module can be added as well",
        )
    parameters = inspect.signature(kind.make).parameters
    for name in call.kwargs:
        if name not in parameters:
            raise ArgumentError(
                f"{kind.name}: no argument {name!r}{did_you_mean(name, parameters)}", hint=_usage(kind)
            )
    try:
        bound = inspect.signature(kind.make).bind(*call.args, **call.kwargs)
    except TypeError as error:
        raise ArgumentError(f"{kind.name}: {error}, got {text.strip()!r}", hint=_usage(kind)) from None
    return kind.name, kind.make(*bound.args, **bound.kwargs)


def _usage(kind: LayerKind) -> str:
    shown = []
    for parameter in inspect.signature(kind.make).parameters.values():
        optional = parameter.default is not parameter.empty
        shown.append(f"{parameter.name}={parameter.default}" if optional else parameter.name)
    return f"{kind.name}({', '.join(shown)}), for example {kind.example}"
