"""Running one kernel amid guards: what it gave, and what it did besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch.dispatch import registry
from rustorch.dtypes import DType
from rustorch.hardware.call import Call, is_same, listed, operand_of
from rustorch.hardware.memory import Guarded


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A call that was made.

    Attributes:
        call: what the kernel was given.
        results: the elements of each result, None where the call had none.
        trespass: what the kernel wrote that is not its result, or "".
        error: what it raised.
    """

    call: Call
    results: tuple[np.ndarray[Any, Any] | None, ...]
    trespass: str = ""
    error: Exception | None = None


def watched(
    op: str,
    dtype: DType,
    kernel: Callable[..., None],
    out: Any,
    inputs: tuple[Any, ...],
    attrs: dict[str, Any],
) -> Watched:
    """Call ``kernel(out, *inputs, **attrs)`` on copies amid guards, and store what it gave in `out`."""
    outs = listed(out)
    several = isinstance(out, tuple)
    changes = registry.ops[op].updates_out
    alias = [next((i for i, o in enumerate(outs) if is_same(o, x)), None) for x in inputs]
    reads = [changes or i in alias for i in range(len(outs))]
    targets = [
        None if o is None else Guarded(o, poison=not read) for o, read in zip(outs, reads, strict=True)
    ]
    sources = [None if x is None or i is not None else Guarded(x) for x, i in zip(inputs, alias, strict=True)]
    call = Call(
        op,
        dtype.name,
        tuple(
            None if t is None else operand_of(t.target, t.elements if read else None)
            for t, read in zip(targets, reads, strict=True)
        ),
        tuple(
            None if x is None else operand_of(x, None if s is None else s.elements, i)
            for x, s, i in zip(inputs, sources, alias, strict=True)
        ),
        dict(attrs),
        several,
    )
    views = tuple(None if t is None else t.view for t in targets)
    operands = [
        x if x is None else _view(targets[i]) if i is not None else _view(s)
        for x, s, i in zip(inputs, sources, alias, strict=True)
    ]
    error: Exception | None = None
    try:
        kernel(views if several else views[0], *operands, **attrs)
        for device in {o.device for o in outs if o is not None}:
            device.runtime.synchronize()  # what goes wrong there later is the kernel's too
    except Exception as raised:  # noqa: BLE001 - a stranger's kernel may raise anything, and the caller judges it
        error = raised
    return _looked_at(call, targets, sources, error)


def _view(guard: Guarded | None) -> Any:
    assert guard is not None  # noqa: S101 - for the type checker
    return guard.view


def _looked_at(
    call: Call, targets: list[Guarded | None], sources: list[Guarded | None], error: Exception | None
) -> Watched:
    results: list[np.ndarray[Any, Any] | None] = []
    trespasses = []
    for number, target in enumerate(targets):
        if target is None:
            results.append(None)
            continue
        elements, outside = target.result()
        results.append(elements)
        if outside:
            trespasses.append(f"beside result {number}: {outside}")
    for number, source in enumerate(sources):
        if source is not None and (text := source.untouched()):
            trespasses.append(f"operand {number}: {text}")
    return Watched(call, tuple(results), "; ".join(trespasses), error)
