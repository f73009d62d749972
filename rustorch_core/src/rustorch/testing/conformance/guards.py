"""Operands amid guard bands: elements around them that no kernel may write, and none may depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch.base import view_of
from rustorch.device import Device
from rustorch.dtypes import FLOAT, DType
from rustorch.ops.creation import from_host
from rustorch.shape import Shape, canonical_strides
from rustorch.testing.conformance.calls import Call, Operand

#: Elements before and behind; a multiple of every vector's length, so that alignment stays what it was.
BAND = 64


def poison(dtype: DType, round: int) -> np.ndarray[Any, Any]:
    """Return one element that stands out: NaN or -1 in round 0, a large number in round 1."""
    kind = dtype.numpy
    if dtype.name == "bool":
        return np.array(round == 0)
    if round == 0:
        return np.frombuffer(b"\xff" * kind.itemsize, kind).reshape(())
    return np.array(6e4 if dtype.category >= FLOAT else 42, kind)


@dataclass(slots=True)
class Guarded:
    """A view with its surroundings, and how they looked before the call."""

    view: Any
    whole: Any
    before: np.ndarray[Any, Any]
    places: Any  # the view's own elements within `whole`, in order

    def after(self) -> np.ndarray[Any, Any]:
        """Return a copy of the whole memory as it is now, read as bytes per element."""
        return _raw(np.array(self.whole.numpy(force=True)))

    def own(self) -> np.ndarray[Any, Any]:
        """Return the view's elements as bytes."""
        elements: np.ndarray[Any, Any] = self.after()[self.places]
        return elements

    def changed_outside(self) -> str:
        """Say which element outside of the view changed first, or ""."""
        changed = (self.after() != self.before).any(axis=1)
        changed[self.places] = False
        return self._described(np.flatnonzero(changed))

    def changed_inside(self) -> str:
        """Say which element of the view changed first, or ""."""
        changed = (self.after() != self.before).any(axis=1)
        return self._described(np.flatnonzero(changed))

    def _described(self, changed: np.ndarray[Any, Any]) -> str:
        if not changed.size:
            return ""
        first = int(changed[0]) - BAND
        return f"{changed.size} element(s), the first at {first} of the memory that begins at 0"


def _raw(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(array.size, array.itemsize)


def guarded(operand: Operand, device: Device, round: int, step: int = 1) -> Guarded:
    """Return an operand with guard bands; where it has no values of its own it is poisoned too.

    Args:
        operand: what it holds.
        device: where it goes.
        round: which poison.
        step: from one element to the next; those between are guards as well.
    """
    shape, kind = Shape(operand.shape), operand.dtype.numpy
    host = np.full(shape.elements * step + 2 * BAND, poison(operand.dtype, round), kind)
    places = np.arange(shape.elements) * step + BAND
    if operand.values is not None:
        host[places] = operand.values.reshape(-1).astype(kind)
    whole = from_host(host, device)
    strides = shape.strides if step == 1 else canonical_strides(shape, tuple(s * step for s in shape.strides))
    return Guarded(view_of(whole, shape, strides, BAND), whole, _raw(host), places)


@dataclass(slots=True)
class GuardedCall:
    """The operands of one call, all guarded."""

    call: Call
    outs: list[Guarded | None]
    inputs: list[Guarded | None]

    def run(self, device: Device) -> None:
        """Call the kernel and wait for it."""
        outs = tuple(None if o is None else o.view for o in self.outs)
        inputs = tuple(None if x is None else x.view for x in self.inputs)
        self.call.run(device, outs if self.call.several else outs[0], inputs)
        device.runtime.synchronize()


def guarded_call(call: Call, device: Device, round: int, *, step: int, out_step: int) -> GuardedCall:
    """Return fresh operands of a call amid guard bands."""
    outs = [None if o is None else guarded(o, device, round, out_step) for o in call.outs]
    inputs = [None if x is None else guarded(x, device, round, step) for x in call.operands]
    return GuardedCall(call, outs, inputs)
