"""Parameters that a function for users has in PyTorch and that are not the op's."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentTypeError
from rustorch.ops.public import functions


def inplace_option(function: Any) -> Any:
    """Give an elementwise function PyTorch's ``inplace=False``, by keyword or after its other arguments."""
    op = function.op
    code = op.decomposition.__code__
    defaults = op.decomposition.__defaults__ or ()
    names = code.co_varnames[1 : code.co_argcount]
    if not names:

        def plain(input: Any, inplace: bool = False, *, out: Any = None) -> Any:
            if inplace:
                return functions[op.name].inplace(input)  # type: ignore[misc]
            return function(input, out=out)

        return plain

    def activation(input: Any, *args: Any, inplace: bool = False, out: Any = None, **kwargs: Any) -> Any:
        if len(args) > len(names):
            if len(args) > len(names) + 1:
                raise ArgumentTypeError(f"{op.name}: takes {len(names) + 2} arguments, got {len(args) + 1}")
            args, inplace = args[:-1], args[-1]
        if inplace:
            return functions[op.name].inplace(input, *args, **kwargs)  # type: ignore[misc]
        return function(input, *args, out=out, **kwargs)

    shown = [f"{n}={d!r}" for n, d in zip(names[len(names) - len(defaults) :], defaults, strict=True)]
    required = names[: len(names) - len(defaults)]
    activation.__text_signature__ = f"(input, {', '.join([*required, *shown])}, inplace=False, *, out=None)"  # type: ignore[attr-defined]
    return activation
