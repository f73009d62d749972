"""The table of public functions: what a user calls, under which names, and how to sample it.

Tensor methods, in-place forms, the docs table and every generated test come from here; nothing
keeps a list by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rustorch.errors import RusTorchError
from rustorch.ops.blame import guarded

Function = TypeVar("Function", bound=Callable[..., Any])
Sampler = Callable[[], Iterable[Any]]


@dataclass(slots=True)
class Public:
    """One public function."""

    name: str
    function: Callable[..., Any]
    family: str  # module of the ops package
    method: bool = True
    inplace: Callable[..., Any] | None = None
    operator: Callable[..., Any] | None = None  # the same without further parameters, for `a + b`
    elementwise: bool = False
    differentiable: bool = True
    aliases: tuple[str, ...] = ()
    sampler: Sampler | None = None
    why_no_samples: str = ""
    tags: frozenset[str] = field(default_factory=frozenset)


functions: dict[str, Public] = {}


def add(entry: Public) -> None:
    """Enter a function into the table."""
    if entry.name in functions:
        raise RusTorchError(f"public function {entry.name!r} is declared twice")
    functions[entry.name] = entry


def public(
    *,
    method: bool = True,
    differentiable: bool = True,
    aliases: tuple[str, ...] = (),
    samples: Sampler | None = None,
    why_no_samples: str = "",
    tags: Iterable[str] = (),
) -> Callable[[Function], Function]:
    """Enter the decorated function under its own name.

    Users get it with a guard that explains wrong arguments; library code calls the function itself.

    Args:
        method: whether it is a Tensor method as well (its first parameter is then the tensor).
        differentiable: False if its results carry no gradient by nature.
        aliases: further names for the same function.
        samples: returns the sample calls that tests run.
        why_no_samples: the reason, where there are none.
        tags: "random", "view", "dynamic" (result shape depends on values).
    """

    def enter(function: Function) -> Function:
        name = function.__name__.removesuffix("_") if function.__name__ in _SHADOWING else function.__name__
        family = function.__module__.rpartition(".")[2]
        add(
            Public(
                name,
                guarded(function, name, method=method),
                family,
                method,
                None,
                None,
                False,
                differentiable,
                aliases,
                samples,
                why_no_samples,
                frozenset(tags),
            )
        )
        return function

    return enter


#: Functions whose Python name has a trailing underscore only to leave a built-in alone.
_SHADOWING = frozenset(
    {"all_", "any_", "max_", "min_", "sum_", "pow_", "abs_", "round_", "range_", "bool_", "float_", "int_"}
)
