"""Nested plain data with tensors in it, as JSON and back.  Nothing but the types named here comes out.

JSON has None, bool, int, str, finite float and list; the rest is an object with one key, its type:
``{"tensor": name}``, ``{"map": {...}}`` (keys are strings), ``{"pairs": [[key, value], ...]}``,
``{"tuple": [...]}``, ``{"float": "nan"}``, ``{"complex": [re, im]}``, ``{"dtype": name}``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rustorch.base import TensorBase
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import DTypeError, SerializationError

_DEEPEST = 200


class Encoder:
    """Turns one object into JSON data and a table of its tensors.

    Attributes:
        tensors: the tensors by the names that stand for them in the JSON data.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._known: dict[Any, str] = {}
        self._kept: list[Any] = []

    def encode(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """Return JSON data for `value`; `path` says where it stands, for names and errors."""
        if len(path) > _DEEPEST:
            raise SerializationError(f"save: nested deeper than {_DEEPEST} levels, or referring to itself")
        if value is None or type(value) in (bool, int, str):
            return value
        if isinstance(value, TensorBase):
            return {"tensor": self._name_of(value, path)}
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, (list, tuple)):
            items = [self.encode(item, (*path, str(i))) for i, item in enumerate(value)]
            return {"tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, DType):
            return {"dtype": value.name}
        return self._number(value, path)

    def _mapping(self, value: Mapping[Any, Any], path: tuple[str, ...]) -> Any:
        if all(type(key) is str for key in value):
            return {"map": {key: self.encode(item, (*path, key)) for key, item in value.items()}}
        for key in value:
            if not isinstance(key, (str, int, float, bool, tuple)):
                raise _unsupported(key, path, "a key")
        return {"pairs": [[self.encode(k, path), self.encode(v, (*path, str(k)))] for k, v in value.items()]}

    def _number(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (bool, int, str)):  # subclasses, such as an IntEnum
            return (
                bool(value)
                if isinstance(value, bool)
                else int(value)
                if isinstance(value, int)
                else str(value)
            )
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, complex):
            return {"complex": [self.encode(value.real, path), self.encode(value.imag, path)]}
        raise _unsupported(value, path, "a value")

    def _name_of(self, x: Any, path: tuple[str, ...]) -> str:
        identity = (id(x.storage), x.offset, x.shape, tuple(x.strides), x.dtype)
        known = self._known.get(identity)
        if known is None:
            known = ".".join(path) or "tensor"
            while known in self.tensors or known == "__metadata__":
                known += "_"
            self._known[identity] = known
            self.tensors[known] = x
            self._kept.append(x.storage)  # its id must not be given to another one meanwhile
        return known


def _unsupported(value: Any, path: tuple[str, ...], what: str) -> SerializationError:
    place = ".".join(path) or "the top"
    hint = "rustorch.from_numpy(array) makes a tensor of it" if isinstance(value, np.ndarray) else ""
    return SerializationError(
        f"save: only tensors, numbers, strings, None, lists, tuples and dicts can be saved, "
        f"got {what} of type {type(value).__name__} at {place}",
        hint=hint or "save a state_dict() in place of the object",
    )


def decode(data: Any, tensors: Mapping[str, Any]) -> Any:
    """Return the object that an `Encoder` made JSON data of.

    Raises:
        SerializationError: if the data is nothing that an `Encoder` makes.
    """
    try:
        return _decode(data, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, DTypeError, RecursionError) as error:
        raise SerializationError(f"load: the description of the content is not valid: {error!r}") from error


def _decode(data: Any, tensors: Mapping[str, Any]) -> Any:
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, list):
        return [_decode(item, tensors) for item in data]
    ((kind, inner),) = data.items()
    if kind not in _DECODERS:
        raise SerializationError(
            f"load: the content has an unknown type {kind!r}", hint="a newer RusTorch may read it"
        )
    return _DECODERS[kind](inner, tensors)


_DECODERS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "tensor": lambda name, tensors: tensors[name],
    "map": lambda items, tensors: {key: _decode(item, tensors) for key, item in items.items()},
    "pairs": lambda items, tensors: {_decode(k, tensors): _decode(v, tensors) for k, v in items},
    "tuple": lambda items, tensors: tuple(_decode(item, tensors) for item in items),
    "float": lambda text, _tensors: float(text),
    "complex": lambda parts, tensors: complex(*(_decode(part, tensors) for part in parts)),
    "dtype": lambda name, _tensors: dtype_of(str(name)),
}
