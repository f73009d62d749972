"""Finding the argument that made a function fail, once it has failed: a correct call pays nothing for it.

Functions check what they must know anyway (shapes, dims, dtypes).  An argument of a foreign type
shows as an `AttributeError` or `TypeError` somewhere inside; here that is held against the annotations
of the function and turned into the error that the caller can act on.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, OutOfMemoryError, RusTorchError

Function = TypeVar("Function", bound=Callable[..., Any])

#: What a wrong argument can look like from inside; anything else is nobody's argument.
SYMPTOMS = (AttributeError, TypeError, ValueError, IndexError, KeyError, OverflowError, MemoryError)
_MOST = 2**63 - 1
_LARGE = 2**39  # a size, count or step beyond this has made the call fail, or would have


def guarded(function: Function, name: str, *, method: bool) -> Function:
    """Return the function as users call it, under the name that a pickle finds it by.

    Args:
        function: the implementation, which library code calls directly.
        name: its public name.
        method: its first parameter is a tensor whatever the annotation says.
    """
    call = explaining(function, name, first="Tensor" if method else None)
    call.__module__, call.__qualname__ = "rustorch", name
    return call


def explaining(function: Function, name: str, *, first: str | None = None, eager: bool = False) -> Function:
    """Return the function with errors that name it and the argument that is wrong.

    Args:
        function: the implementation.
        name: what the errors call it.
        first: what its first argument must be, if not what the annotation says.
        eager: hold the arguments against the annotations before the call, for what is used only later.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if eager and (wrong := _explained(name, function, args, kwargs, first, "Tensor")):
            raise wrong
        try:
            return function(*args, **kwargs)
        except RusTorchError:
            raise
        except SYMPTOMS as error:
            raise_explained(name, function, args, kwargs, error, first=first)

    return call  # type: ignore[return-value]


def explained_as(name: str) -> Callable[[Function], Function]:
    """Decorate a function with :func:`explaining`."""
    return lambda function: explaining(function, name)


def raise_explained(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    error: Exception,
    *,
    first: str | None = None,
    tensor: str = "Tensor",
) -> NoReturn:
    """Raise the error that names the wrong argument, or `error` itself if no argument looks wrong.

    Args:
        name: of the function, for the text.
        function: whose annotations say what its arguments must be.
        args: what it was called with.
        kwargs: what it was called with.
        error: what came of it.
        first: what the first argument must be, if not what the annotation says.
        tensor: what is meant where an annotation says "Tensor".
    """
    if isinstance(error, MemoryError):
        raise OutOfMemoryError(f"{name}: no memory left for the result ({error})") from error
    better = _explained(name, function, args, kwargs, first, tensor)
    if better is None:
        raise error
    raise better from error


def _explained(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    first: str | None,
    tensor: str,
) -> RusTorchError | None:
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as mismatch:
        return ArgumentTypeError(f"{name}: {mismatch}")
    for position, (key, given) in enumerate(bound.arguments.items()):
        parameter = signature.parameters[key]
        wanted = _text(parameter.annotation)
        if first is not None and position == 0:
            wanted = first
        elif wanted == "Tensor":
            wanted = tensor
        for value in _values(parameter, given):
            if not _fits(value, wanted):
                return ArgumentTypeError(f"{name}: {key} must be {_said(wanted)}, got {shown(value)}")
    return _odd_number(name, bound.arguments)


def _values(parameter: inspect.Parameter, given: Any) -> Iterable[Any]:
    """Return the values that were given for a parameter: several for ``*args`` and ``**kwargs``."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return given
    if parameter.kind is parameter.VAR_KEYWORD:
        return given.values()
    return (given,)


def _odd_number(name: str, arguments: Mapping[str, Any]) -> RusTorchError | None:
    """Blame a number of the right type that nothing can be done with."""
    for key, given in arguments.items():
        for value in _leaves(given):
            if isinstance(value, int) and not -_LARGE <= value <= _LARGE:
                return ArgumentError(f"{name}: {key} is too large for any machine, got {shown(value)}")
            if isinstance(value, float) and not math.isfinite(value):
                return ArgumentError(f"{name}: {key} must be a finite number, got {value}")
    return None


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


# -- annotations -------------------------------------------------------------------------------------

_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "Tensor": ("a tensor", lambda v: isinstance(v, TensorBase)),
    "int": ("an integer", lambda v: _is_index(v)),  # noqa: PLW0108 - defined below
    "float": ("a number", lambda v: _is_number(v)),  # noqa: PLW0108 - the same
    "complex": ("a complex number", lambda v: isinstance(v, (complex, np.complexfloating))),
    "bool": ("True or False", lambda v: isinstance(v, (bool, np.bool_))),
    "str": ("a string", lambda v: isinstance(v, str)),
    "None": ("None", lambda v: v is None),
}
#: Names that the library uses for unions.
_ALIASES = {"Dim": "int | Sequence[int] | None", "Size": "int | Sequence[int]", "Scalar": "float"}


def _is_index(value: Any) -> bool:
    if isinstance(value, TensorBase):
        return False  # where one is allowed, it is not what failed
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_)) and not isinstance(value, np.complexfloating)


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else "Any"


@functools.cache
def _alternatives(wanted: str) -> tuple[str, ...]:
    """Split an annotation at its top-level bars."""
    wanted = _ALIASES.get(wanted, wanted)
    parts, depth, start = [], 0, 0
    for i, character in enumerate(wanted):
        depth += (character in "[(") - (character in "])")
        if character == "|" and depth == 0:
            parts.append(wanted[start:i].strip())
            start = i + 1
    parts.append(wanted[start:].strip())
    return tuple(x for p in parts for x in (_alternatives(p) if p in _ALIASES else (p,)))


_SEQUENCE = re.compile(r"(?:Sequence|Iterable|list|tuple)\[(.+?)(?:, \.\.\.)?\]")


def _fits(value: Any, wanted: str) -> bool:
    return any(_is(value, kind) for kind in _alternatives(wanted))


def _is(value: Any, kind: str) -> bool:
    if kind in _KINDS:
        return _KINDS[kind][1](value)
    found = _SEQUENCE.fullmatch(kind)
    if found is None:
        return True  # an annotation that says nothing testable
    if isinstance(value, (str, TensorBase, dict)) or not hasattr(value, "__iter__"):
        return False
    kinds = found[1].split(", ")
    parts = list(value)
    if len(kinds) > 1:
        return len(parts) == len(kinds) and all(map(_fits, parts, kinds))
    return all(_fits(v, found[1]) for v in parts)


def _said(wanted: str) -> str:
    def one(kind: str) -> str:
        found = _SEQUENCE.fullmatch(kind)
        if found is None:
            return _KINDS[kind][0] if kind in _KINDS else kind
        inner = {"int": "integers", "float": "numbers", "Tensor": "tensors"}.get(found[1], found[1])
        return f"a sequence of {inner}"

    parts = [one(kind) for kind in _alternatives(wanted)]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def shown(value: Any) -> str:
    """Return a short text for a value in an error message."""
    if isinstance(value, TensorBase):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype.name}"
    kind = type(value).__name__
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int) and abs(value) > _MOST:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, (int, float, str, list, tuple)):
        text = repr(value) if not isinstance(value, (list, tuple)) or len(value) <= 8 else "..."
        if len(text) <= 60 and "\n" not in text:
            return f"{text} ({kind})" if not isinstance(value, str) else f"the string {text}"
    return kind
