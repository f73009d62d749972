"""All declared ops by name.  :mod:`rustorch.ops` fills it; kernel tables read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rustorch.ops.op import Op

ops: dict[str, Op] = {}
_groups: dict[str, set[str]] = {}


def join(names: Iterable[str]) -> None:
    """Declare that ops belong together: an op and its backward share what is saved between them."""
    merged = set(names)
    for name in tuple(merged):
        merged |= _groups.get(name, set())
    for name in merged:
        _groups[name] = merged


def group_of(name: str) -> list[str]:
    """Return the ops that must come from one plugin together with this one, itself included."""
    return sorted(_groups.get(name, {name}))
