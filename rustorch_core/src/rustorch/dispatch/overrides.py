"""Replacing one op's kernel for a while, in a ``with`` block."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rustorch.dispatch import policy, registry
from rustorch.dispatch.contract import Kernel, Layout
from rustorch.errors import ArgumentError

if TYPE_CHECKING:
    from rustorch.device import Device

_ALL_DTYPES = frozenset(
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
)
_active: list[tuple[str | None, Kernel]] = []


@contextmanager
def override(
    op: str,
    kernel: Callable[..., None],
    *,
    device: str | None = None,
    when: Callable[..., bool] | None = None,
    dtypes: frozenset[str] = _ALL_DTYPES,
    layout: Layout = "contiguous",
) -> Iterator[None]:
    """Use `kernel` for `op` inside a ``with`` block.

    Args:
        op: name of the op.
        kernel: called as ``kernel(out, *inputs, **attributes)``; writes into ``out``.
        device: a device type such as ``"cpu"``; None for all.
        when: called with the kernel's arguments; the kernel is used only where it returns True.
        dtypes: names of the dispatch dtypes that the kernel serves.
        layout: "contiguous" if operands must be copied to that layout first, else "strided".

    Raises:
        ArgumentError: if there is no such op.
    """
    declared = registry.ops.get(op)
    if declared is None:
        close = difflib.get_close_matches(op, registry.ops, n=3)
        raise ArgumentError(
            f"override: no op is called {op!r}", hint=f"did you mean {' or '.join(close)}?" if close else ""
        )
    entry = (device, Kernel(op, kernel, dtypes, layout, version=declared.version, when=when))
    _active.insert(0, entry)
    policy.rebuild()
    try:
        yield
    finally:
        _active.remove(entry)
        policy.rebuild()


def active(op: str, device: Device) -> list[Kernel]:
    """Return the overrides in force for an op on a device, the innermost first."""
    return [k for where, k in _active if k.op == op and where in (None, device.type)]
