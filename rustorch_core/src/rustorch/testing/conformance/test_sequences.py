"""Sequences of changing shapes in one process: what ran before must not change what runs now."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from rustorch.device import Device
from rustorch.testing.conformance.bits import results_of
from rustorch.testing.conformance.kernel_calls import attempts, every_op
from rustorch.testing.conformance.programs import PROGRAMS, distance, run
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


@pytest.mark.parametrize("op", every_op())
def test_order_of_calls(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """A call gives the same bits after small, large and any other calls of its op."""
    calls = list(attempts(op, device, selection, 6 if selection.quick else 48))
    by_size = sorted(calls, key=lambda attempt: _elements(attempt.call))
    shuffled = random.Random(zlib.crc32(op.encode())).sample(calls, len(calls))
    first: dict[tuple[str, str], Any] = {}
    for order, sequence in (("growing", by_size), ("shrinking", by_size[::-1]), ("shuffled", shuffled)):
        before = "nothing"
        for name, dtype, call in sequence:
            with grade.case(op, dtype, f"{name} {order}"):
                found = results_of(call, device)
                if first.setdefault((name, dtype), found) != found:
                    grade.wrong(f"after {before} it gives other bits than before")
            before = name


def _elements(call: Any) -> int:
    shapes = [x.shape for x in (*call.operands, *call.outs) if x is not None]
    return sum(math.prod(shape) for shape in shapes)


#: Sizes in the order in which they run: up, down, the first again, odd, past 2^15 elements, back.
_SIZES = (4, 33, 4, 7, 2100, 5, 64, 33)


@pytest.mark.conformance(op="sequences", dtype="float32")
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, device: Device, reference: Device, grade: Recorder) -> None:
    """Forward and backward of a small network agree with the reference at every step of a sequence of sizes."""
    program: Callable[..., Any] = PROGRAMS[name]
    before = "nothing"
    for step, size in enumerate(_SIZES):
        for frozen in (False, True):
            with grade.case("sequences", "float32", f"{name} step {step} size {size} frozen {frozen}"):
                found = run(program, size, device, frozen=frozen)
                right, alike = (run(program, size, reference, wide=w, frozen=frozen) for w in (True, False))
                for what in found:
                    error, usual = (distance(x[what], right[what]) for x in (found, alike))
                    allowed = 32 * usual + 2.0**-19  # of the largest element: 16 roundings of float32
                    if error > allowed:
                        grade.wrong(
                            f"{what} of size {size} after {before} is off by {error:.2e} of its largest element, "
                            f"{allowed:.2e} allowed"
                        )
            before = f"size {size}"
