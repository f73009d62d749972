"""Operands that do not lie in memory in order: gaps, negative strides, strides of zero, offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.op_cases import Layout, OpCase

Runner = Callable[[Recorder], None]
OTHERS: tuple[Layout, ...] = ("strided", "reversed", "expanded", "offset")

#: Ops whose result the core may want in a tensor that a user brought, of any layout.
_ANY_RESULT = frozenset({"fill", "cast", "sgd_step", "adam_step"})


def layouts(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run harvested calls with operands in each layout: all of them, each one alone, and the result."""
    for case in _chosen(subject):
        operands = [i for i, x in enumerate(case.operands) if x is not None]
        for layout in OTHERS:
            if operands:
                yield f"{case.number}-{layout}", partial(_all, subject, case, layout)
        if len(operands) > 1:
            for i in operands:
                yield f"{case.number}-operand{i}", partial(_alone, subject, case, i)
        if subject.elementwise or subject.op in _ANY_RESULT:
            for layout in ("strided", "reversed", "offset"):
                yield f"{case.number}-result-{layout}", partial(_result, subject, case, layout)


def _chosen(subject: Subject) -> list[OpCase]:
    """Return cases with elements to get wrong, those of more dims first."""
    cases = [
        c for c in subject.cases(limit=60) if _rank(c) and all(o is None or 0 not in o.shape for o in c.outs)
    ]
    cases.sort(key=lambda case: -min(_rank(case), 4))
    return cases[: 1 if subject.quick else 8]


def _rank(case: OpCase) -> int:
    sizes = [len(x.shape) for x in (*case.operands, *case.outs) if x is not None and np.prod(x.shape) > 1]
    return max(sizes, default=0)


def _all(subject: Subject, case: OpCase, layout: Layout, grade: Recorder) -> None:
    problem = subject.harvested(case)
    if layout == "expanded":
        problem = subject.problem(repeated(problem.call))
    subject.examine(grade, problem, (layout,))


def _alone(subject: Subject, case: OpCase, position: int, grade: Recorder) -> None:
    chosen: list[Layout] = ["contiguous"] * len(case.operands)
    chosen[position] = "strided"
    subject.examine(grade, subject.harvested(case), tuple(chosen))


def _result(subject: Subject, case: OpCase, layout: Layout, grade: Recorder) -> None:
    subject.examine(grade, subject.harvested(case), (), layout)


def repeated(call: Call) -> Call:
    """Return the call with operands that are equal along their first dim, which then has a stride of zero."""

    def change(x: Operand) -> Operand:
        if x.values is None or not x.shape or not x.data:
            return x
        return replace(x, values=np.broadcast_to(x.values[:1], x.shape))

    operands = tuple(None if x is None else change(x) for x in call.operands)
    return replace(call, operands=operands)
