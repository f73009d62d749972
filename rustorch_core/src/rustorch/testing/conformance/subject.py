"""One op in one dtype on one device: what a check is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import FLOAT, DType, dtype_of
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance import budgets, oracle
from rustorch.testing.conformance.calls import Call, typed
from rustorch.testing.conformance.judge import Error, judge
from rustorch.testing.conformance.numerics import Array
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.op_cases import Layout, OpCase, all_op_cases


class Problem:
    """A call with the right answers and the budget, found when they are needed."""

    def __init__(self, call: Call, reference: Device) -> None:
        self.call = call
        self.reference = reference

    @cached_property
    def answers(self) -> list[Array | None]:
        """The oracle's results."""
        return oracle.answers(self.call, self.reference)

    @cached_property
    def allowed(self) -> list[Array | None]:
        """The budget of each result."""
        return budgets.allowed(self.call, self.answers, self.reference)

    def judge(self, results: list[Array | None]) -> Error:
        """Return the largest error among the results."""
        worst = Error()
        for i, (o, y) in enumerate(zip(self.call.outs, results, strict=True)):
            expected = self.answers[i]
            if o is None or y is None or expected is None:
                continue
            error = judge(y, expected, o.dtype, self.allowed[i])
            if self.call.several and error.message:
                error = Error(error.budgets, error.ulp, f"result {i}: {error.message}")
            worst = worst.worse(error)
        return worst


@dataclass(frozen=True, slots=True)
class Subject:
    """An op and a dtype to grade on a device."""

    op: str
    dtype: DType
    device: Device
    reference: Device
    selection: Selection
    _problems: dict[str, Problem] = field(default_factory=dict, repr=False, compare=False)

    @property
    def quick(self) -> bool:
        """Whether the short list of cases is enough."""
        return self.selection.quick

    @property
    def elementwise(self) -> bool:
        """Whether the op works element by element, on operands of the result's shape."""
        return isinstance(registry.ops[self.op], Elementwise) or self.op in ("copy", "where")

    def cases(self, limit: int) -> list[OpCase]:
        """Return at most so many harvested cases, of different shapes first."""
        return suitable(self.op, self.dtype)[:limit]

    def harvested(self, case: OpCase) -> Problem:
        """Return a harvested case in this dtype, with what is right; found once for all checks."""
        found = self._problems.get(case.name)
        if found is None:
            found = self._problems[case.name] = self.problem(self.typed(case))
        return found

    def typed(self, case: OpCase) -> Call:
        """Return a harvested case in this dtype."""
        return typed(case, self.dtype, self.device)

    def examine(
        self,
        grade: Recorder,
        problem: Problem,
        layouts: tuple[Layout, ...] = (),
        out_layout: Layout = "contiguous",
    ) -> None:
        """Run a call on the device and record its error."""
        error = problem.judge(problem.call.results(self.device, layouts, out_layout))
        grade.measured(error.budgets, error.ulp, error.message)

    def problem(self, call: Call) -> Problem:
        """Return a call together with what is right."""
        return Problem(call, self.reference)


@cache
def suitable(op: str, dtype: DType) -> list[OpCase]:
    """Return the harvested cases that can be turned into a dtype: those seen with floats, if there are any.

    The first ones differ in kind: in the numbers of dims, or in attributes.
    """
    found = all_op_cases().get(op, [])
    if dtype.is_complex:  # complex numbers have no order
        found = [case for case in found if case.attrs.get("mode") != "max"]
    floats = [case for case in found if dtype_of(case.dtype).category >= FLOAT]
    if dtype.category < FLOAT and op in _BY_NUMBERS:
        return _varied([case for case in found if dtype_of(case.dtype).category < FLOAT])
    return _varied(floats or found)


#: Ops whose attributes are numbers of the dtype.
_BY_NUMBERS = frozenset({"fill", "arange", "clamp"})


def _varied(found: list[OpCase]) -> list[OpCase]:
    """Return the cases with one of every kind first."""
    seen: set[Any] = set()
    first: list[OpCase] = []
    rest: list[OpCase] = []
    for case in found:
        shapes = tuple(None if x is None else x.shape for x in case.operands)
        settings = repr(sorted(case.attrs.items()))
        kind = (tuple(None if s is None else len(s) for s in shapes), settings)
        (rest if kind in seen else first).append(case)
        seen.add(kind)
    return first + rest
