"""In place: an elementwise kernel whose result is one of its operands, and in-place functions on views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rustorch.device import Device
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.bits import bits
from rustorch.testing.conformance.kernel_calls import attempts, elementwise_ops
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


@pytest.mark.parametrize("op", elementwise_ops())
def test_result_is_an_operand(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """The same bits come out when the result is exactly the same view as an operand."""
    for name, dtype, call in attempts(op, device, selection, 3 if selection.quick else 24):
        for number in range(len(call.operands)):
            out, inputs = call.on(device)
            same = inputs[number]
            if same.shape != out.shape or same.dtype is not out.dtype or same.strides is not out.strides:
                continue
            with grade.case(op, dtype, f"{name} operand {number}"):
                call.run(device, out, inputs)
                call.run(device, same, inputs)
                if bits(out) != bits(same):
                    grade.wrong(f"in place over operand {number} it gives other bits than into a new result")


def _sample(device: Device) -> Any:
    return tensor(np.linspace(-3, 3, 42, dtype=np.float32).reshape(6, 7), device=device)


def _shifted(x: Any) -> Any:
    x[1:].add_(x[:-1])
    return x


def _columns(x: Any) -> Any:
    x[:, ::2].mul_(3.0)
    return x


def _with_its_mirror(x: Any) -> Any:
    return x.sub_(x.flip(0))


def _row_over_all(x: Any) -> Any:
    return x.mul_(x[0])


def _square_by_transpose(x: Any) -> Any:
    square = x[:, :6]
    square.add_(square.t())
    return x


def _assigned(x: Any) -> Any:
    x[2:, 1:] = x[:-2, :-1]
    return x


def _reversed(x: Any) -> Any:
    x.flip(1)[:, ::3].exp_()
    x.copy_(x.flip(0, 1))
    return x


_PROGRAMS: list[Callable[[Any], Any]] = [
    _shifted, _columns, _with_its_mirror, _row_over_all, _square_by_transpose, _assigned, _reversed,
    lambda x: x.add_(x), lambda x: x.mul_(x).sub_(x * 0.5), lambda x: x.clamp_(-1, 1).neg_(),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(_PROGRAMS)))
def test_in_place_on_views(number: int, device: Device, reference: Device) -> None:
    """In-place functions whose operands share memory see the elements from before the change."""
    program = _PROGRAMS[number]
    found, expected = (np.array(program(_sample(d)).numpy(force=True)) for d in (device, reference))
    if not np.allclose(found, expected, rtol=4e-7, atol=4e-7):
        pytest.fail(f"expected\n{expected}\ngot\n{found}")
