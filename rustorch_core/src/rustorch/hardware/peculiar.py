"""Calls that only some ops have: long sums and ranges, casts to every dtype, what must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rustorch import dtypes
from rustorch.device import Device
from rustorch.dtypes import FLOAT, DType
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.checks.refusals import provoking
from rustorch.testing.conformance.numerics import Array, rounded
from rustorch.testing.conformance.values import castable

#: Enough for the roundings of a sum to pile up where it has one accumulator.
_MANY = 1 << 17
_LONG = 2053
_MISTAKES = {"index": "an index out of range", "zero": "division by zero"}


def peculiar(call: Call, dtype: DType, device: Device) -> Iterator[tuple[str, Call]]:
    """Yield (what is peculiar, call).

    Args:
        call: a call of the op.
        dtype: that it is made for.
        device: where it will run.
    """
    if call.op == "sum" and dtype.name in ("float32", "float64"):
        yield "a long sum", _long_sum(call, dtype)
    if call.op == "arange" and dtype.name in ("float32", "float64"):
        yield "a long range", _long_range(call, dtype)
    if call.op == "cast":
        yield from _casts(call, dtype, device)
    for mistake, wrong, _error in provoking(call, dtype):
        yield _MISTAKES[mistake], wrong


def _long_sum(call: Call, dtype: DType) -> Call:
    """Sum numbers whose roundings do not cancel."""
    values = rounded(np.full(_MANY, 0.1), dtype)
    outs = tuple(o and replace(o, shape=(1,)) for o in call.outs)
    return replace(call, operands=(Operand((_MANY,), dtype, True, values),), outs=outs, attrs={"dim": (0,)})


def _long_range(call: Call, dtype: DType) -> Call:
    """Make a range with a step that is no power of two."""
    start, step = rounded(np.array([0.5, 0.1]), dtype).tolist()
    outs = tuple(o and replace(o, shape=(_LONG,)) for o in call.outs)
    return replace(call, outs=outs, attrs={"start": start, "step": step})


def _casts(call: Call, dtype: DType, device: Device) -> Iterator[tuple[str, Call]]:
    """Convert numbers between those of the target, and at the ends of its range, to every dtype."""
    for target in dtypes.ALL:
        if target.name in device.info.dtypes:
            values = castable(dtype, target)
            x = Operand(values.shape, dtype, True, values if dtype.category < FLOAT else _wide(values))
            outs = tuple(o and replace(o, shape=values.shape, dtype=target) for o in call.outs)
            yield f"to {target.name}", replace(call, operands=(x,), outs=outs)


def _wide(values: Array) -> Array:
    return values.astype(np.complex128 if np.iscomplexobj(values) else np.float64)
