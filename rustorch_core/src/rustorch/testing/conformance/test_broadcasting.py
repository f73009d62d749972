"""Broadcasting: operands expanded by strides of 0, along any dim, give what operands written out give."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rustorch.base import view_of
from rustorch.device import Device
from rustorch.dtypes import FLOAT, dtype_of
from rustorch.shape import Shape, expanded_strides
from rustorch.testing.conformance.calls import Call, read
from rustorch.testing.conformance.kernel_calls import attempts, elementwise_ops
from rustorch.testing.conformance.numerics import rounded
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.subject import Problem


@pytest.mark.parametrize("op", elementwise_ops())
def test_expanded_operands(
    op: str, device: Device, reference: Device, grade: Recorder, selection: Selection
) -> None:
    """Each operand in turn is expanded along each dim."""
    calls = [a for a in attempts(op, device, selection, 64) if _has_two_dims(a.call)]
    calls.sort(
        key=lambda a: (
            dtype_of(a.dtype).category == FLOAT,
            sum(math.prod(x.shape) for x in a.call.operands if x),
        )
    )
    for name, dtype, call in calls[-2:] if selection.quick else calls[-16:]:
        for number, x in enumerate(call.operands):
            if x is None or x.values is None or not x.values.size:
                continue
            for dim in (d for d, size in enumerate(x.shape) if size > 1):
                with grade.case(op, dtype, f"{name} operand {number} dim {dim}"):
                    alike = _alike(call, number, dim)
                    out, inputs = alike.on(device)
                    inputs = (*inputs[:number], _expanded(inputs[number], dim), *inputs[number + 1 :])
                    alike.run(device, out, inputs)
                    error = Problem(alike, reference).judge([read(out)])
                    grade.measured(error.budgets, error.ulp, error.message)


def _has_two_dims(call: Call) -> bool:
    """Return whether an operand's elements would be found elsewhere if an expanded dim were none."""
    return any(sum(size > 1 for size in x.shape) > 1 for x in call.operands if x is not None)


def _alike(call: Call, number: int, dim: int) -> Call:
    """Return the call with an operand whose elements along a dim are all the first one."""
    x: Any = call.operands[number]
    values = x.values
    if x.dtype.category == FLOAT:  # no two alike, and no larger than they were
        values = rounded(
            values * (1 - np.arange(values.size).reshape(values.shape) / (2 * values.size)), x.dtype
        )
    same = replace(x, values=np.broadcast_to(values.take([0], dim), values.shape).copy())
    return replace(call, operands=(*call.operands[:number], same, *call.operands[number + 1 :]))


def _expanded(x: Any, dim: int) -> Any:
    """Return the same elements, of which those along a dim are one in memory."""
    one = x.narrow(dim, 0, 1).contiguous()
    return view_of(one, x.shape, expanded_strides(one.shape, one.strides, Shape(x.shape)), 0)
