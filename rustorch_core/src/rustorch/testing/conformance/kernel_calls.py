"""Which calls of which ops the suites about memory, order and state make."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import FLOAT, DType, dtype_of
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance.calls import Call, typed
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.subjects import dtypes_to_grade, ops_to_grade
from rustorch.testing.op_cases import OpCase, op_cases


class Attempt(NamedTuple):
    """A call to make, and what it is called."""

    name: str
    dtype: str
    call: Call


def every_op() -> list[Any]:
    """Return a pytest parameter per op that has kernels, marked as counting for it."""
    return [pytest.param(op, marks=pytest.mark.conformance(op=op)) for op in ops_to_grade()]


def elementwise_ops() -> list[Any]:
    """Return those of `every_op` whose result may be one of the operands."""
    return [p for p in every_op() if isinstance(registry.ops[p.values[0]], Elementwise)]


def attempts(op: str, device: Device, selection: Selection, count: int) -> Iterator[Attempt]:
    """Yield calls of an op on a device, of at most `count` cases in the dtypes that were asked for."""
    available = [d for d in dtypes_to_grade(op, device) if selection.has(op, d.name)]
    for case in spread(op, count):
        seen = dtype_of(case.dtype)
        for dtype in _dtypes(seen, available, quick=selection.quick):
            yield Attempt(case.name, dtype.name, typed(case, dtype, device))


def _dtypes(seen: DType, available: list[DType], *, quick: bool) -> list[DType]:
    """Return the dtypes to run a case in: for floating point float32 and, where there is time, the others."""
    if seen.category != FLOAT:
        return [seen] if seen in available else []
    floats = [d for d in available if d.category == FLOAT]
    first = [d for d in floats if d.name == "float32"] or floats[:1]
    return first if quick else floats


def spread(op: str, count: int) -> list[OpCase]:
    """Return at most `count` cases of an op that differ in shapes or dtypes, small and large.

    Three in four are of floating point, where the op has such cases.
    """
    distinct: dict[Any, OpCase] = {}
    for case in op_cases(op):
        sizes = [None if x is None else (x.shape, x.dtype) for x in case.operands]
        distinct.setdefault((case.dtype, *sizes), case)
    floats = [c for c in distinct.values() if dtype_of(c.dtype).category >= FLOAT]
    others = [c for c in distinct.values() if dtype_of(c.dtype).category < FLOAT]
    wanted = count // 4 if floats else count
    chosen = _evenly(others, max(wanted, count - len(floats)))
    return _evenly(floats, count - len(chosen)) + chosen


def _evenly(cases: list[OpCase], count: int) -> list[OpCase]:
    """Return `count` of the cases, by size, from the second smallest to the largest."""
    ordered = sorted(cases, key=lambda case: sum(math.prod(x.shape) for x in case.operands if x is not None))
    if len(ordered) <= count:
        return ordered
    return [ordered[(i + 1) * (len(ordered) - 1) // count] for i in range(count)]
