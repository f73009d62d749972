"""Reading a layer string such as ``Dense(64, activation=relu)``.

Python's own parser reads it, as one call with literal arguments; nothing in it is ever evaluated.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError

_LONGEST = 500  # characters; a guard for the parser, no layer needs a tenth of it
_WORDS = {"true": True, "false": False, "none": None}
_EXAMPLE = "a layer is written as a call, such as Dense(64, activation=relu)"


@dataclass(frozen=True)
class LayerCall:
    """A layer string, taken apart."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def read(text: str) -> LayerCall:
    """Take a layer string apart.

    Arguments are numbers, words (``relu``), quoted strings, ``True``/``False``/``None`` in any case,
    and tuples of these.

    Raises:
        ArgumentError: if the string is anything else.
    """
    if not isinstance(text, str):
        raise ArgumentTypeError(
            f"layer: a string or a Module is required, got {type(text).__name__}", hint=_EXAMPLE
        )
    source = text.strip()
    if not source or len(source) > _LONGEST:
        raise ArgumentError(
            f"layer: a string of 1 to {_LONGEST} characters is required, got {len(source)}", hint=_EXAMPLE
        )
    try:
        node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or str(error)
        raise ArgumentError(f"layer: {source!r} cannot be read ({why})", hint=_EXAMPLE) from None
    if isinstance(node, ast.Name):  # "Flatten" is "Flatten()"
        return LayerCall(node.id, (), {})
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ArgumentError(f"layer: {source!r} is not a layer", hint=_EXAMPLE)
    kwargs: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ArgumentError(f"layer: ** is not allowed in {source!r}", hint=_EXAMPLE)
        if keyword.arg in kwargs:
            raise ArgumentError(f"layer: {keyword.arg} is given twice in {source!r}", hint=_EXAMPLE)
        kwargs[keyword.arg] = _literal(keyword.value, source)
    return LayerCall(node.func.id, tuple(_literal(arg, source) for arg in node.args), kwargs)


def _literal(node: ast.expr, source: str) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return node.value
        case ast.Name():
            return _WORDS.get(node.id.lower(), node.id)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple() | ast.List():
            return tuple(_literal(item, source) for item in node.elts)
    raise ArgumentError(
        f"layer: {ast.unparse(node)!r} in {source!r} is not a number, word, string or tuple", hint=_EXAMPLE
    )
