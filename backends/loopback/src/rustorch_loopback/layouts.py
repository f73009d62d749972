"""Operands that are never where a kernel would like them: an observer that lays each out anew.

So kernels for any strides meet all kinds of them, those that want contiguous operands get copies from
the core, and a decomposition cannot count on the layout of what it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.base import allocate, view_of
from rustorch.shape import Shape, canonical_strides
from rustorch_loopback import kernels
from rustorch_loopback.options import dice, options


class Relayout:
    """The observer; see the module docstring."""

    def watches(self, device: Any) -> bool:
        return device.type == "loopback"

    def around(
        self,
        op: Any,
        dtype: Any,  # noqa: ARG002 - observers get it
        device: Any,  # noqa: ARG002 - the same
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        # copying is what this is done with, so `copy` itself gets its operands as they are
        if op.name == "copy" or not options.relaid:
            call(out, *inputs, **attrs)
            return
        outs = out if out.__class__ is tuple else (out,)
        placed: dict[Any, Any] = {}  # in place, result and operand stay one view
        results = tuple([_placed(x, placed, filled=op.updates_out or _among(x, inputs)) for x in outs])
        operands = [_placed(x, placed, filled=True) for x in inputs]
        call(results if out.__class__ is tuple else results[0], *operands, **attrs)
        for target, source in zip(outs, results, strict=True):
            if target is not source:
                kernels.copy(target, source)


def _view(x: Any) -> Any:
    return (x.storage, x.offset, x.strides, x.shape, x.dtype)


def _among(x: Any, inputs: tuple[Any, ...]) -> bool:
    return x is not None and any(y is not None and y.storage is x.storage for y in inputs)


def _placed(x: Any, placed: dict[Any, Any], *, filled: bool) -> Any:
    """Return `x` in another layout, or `x` itself by chance; with its elements if `filled`."""
    if x is None or not x.shape.elements or 0 in x.strides or dice.random() >= options.relaid:
        return x
    key = _view(x)
    found = placed.get(key)
    if found is None:
        found = placed[key] = elsewhere(x)
        if filled:
            kernels.copy(found, x)
    return found


def elsewhere(x: Any) -> Any:
    """Return a tensor like `x` with strides as few expect: transposed, with gaps or backwards."""
    shape = x.shape
    gap = dice.choice((1, 2, 3))
    order = list(range(len(shape)))
    dice.shuffle(order)
    strides, step = [0] * len(shape), gap
    offset = before = dice.randrange(4)
    for d in order:
        strides[d] = step
        step *= shape[d]
        if dice.random() < 0.5:  # backwards
            offset += strides[d] * (shape[d] - 1)
            strides[d] = -strides[d]
    whole = allocate(Shape((before + step,)), x.dtype, x.device)
    return view_of(whole, shape, canonical_strides(shape, strides), offset)
