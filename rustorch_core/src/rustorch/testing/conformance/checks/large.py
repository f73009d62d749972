"""Operands large enough for threads, tiles, several blocks, and long sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rustorch.testing.conformance.calls import Call
from rustorch.testing.conformance.checks.sizes import stretched
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.conformance.sweeps import large_cases

Runner = Callable[[Recorder], None]


def large(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run elementwise ops on a hundred thousand elements (a million if there is time), others on large operands."""
    if subject.elementwise:
        if subject.cases(1):
            for n in (100_003,) if subject.quick else (100_003, 1_000_003):
                yield str(n), partial(_stretched, subject, n)
        return
    for number in range(len(large_cases(subject.op, quick=subject.quick))):
        yield str(number), partial(_harvested, subject, number)


def _stretched(subject: Subject, n: int, grade: Recorder) -> None:
    subject.examine(grade, subject.problem(stretched(subject, (n,))))


def _harvested(subject: Subject, number: int, grade: Recorder) -> None:
    call: Call = subject.typed(large_cases(subject.op, quick=subject.quick)[number])
    subject.examine(grade, subject.problem(call))
