"""The calls that the samples of the public functions lead to; and the same call again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from rustorch.testing.conformance.calls import read
from rustorch.testing.conformance.numerics import Array
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.op_cases import OpCase

Runner = Callable[[Recorder], None]


def samples(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run harvested calls with operands in order, in memory without gaps."""
    for case in subject.cases(limit=4 if subject.quick else 60):
        yield str(case.number), partial(_one, subject, case)


def _one(subject: Subject, case: OpCase, grade: Recorder) -> None:
    subject.examine(grade, subject.harvested(case))


def repeat(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run a call three times: the bits must be the same, and the operands as they were."""
    cases = subject.cases(limit=60)
    if cases:
        largest = max(cases, key=_elements)
        yield str(largest.number), partial(_thrice, subject, largest)


def _elements(case: OpCase) -> int:
    return sum(math.prod(x.shape) for x in case.operands if x is not None)


def _thrice(subject: Subject, case: OpCase, grade: Recorder) -> None:
    call = subject.typed(case)
    first: list[Array] | None = None
    for _ in range(3):
        out, inputs = call.on(subject.device)
        before = [None if x is None else read(x) for x in inputs]
        call.run(subject.device, out, inputs)
        results = [read(o) for o in (out if call.several else (out,)) if o is not None]
        if first is None:
            first = results
        for i, (a, b) in enumerate(zip(first, results, strict=True)):
            if not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"):
                grade.wrong(f"result {i} is different when the same call is made again")
                return
        for i, (x, kept) in enumerate(zip(inputs, before, strict=True)):
            if (
                x is not None
                and kept is not None
                and not np.array_equal(read(x), kept, equal_nan=kept.dtype.kind in "fc")
            ):
                grade.wrong(f"operand {i} was changed by the call")
                return
