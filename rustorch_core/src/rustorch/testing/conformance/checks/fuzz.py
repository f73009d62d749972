"""Shapes, values, layouts and broadcasting drawn at random by Hypothesis.

What it draws is small: a shape, layouts, a kind of values, a seed.  They are the name of the case, so that the
smallest failing case that Hypothesis finds is repeated by its name alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from rustorch.dtypes import FLOAT
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.checks.sizes import stretched
from rustorch.testing.conformance.judge import Error
from rustorch.testing.conformance.numerics import rounded
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Problem, Subject
from rustorch.testing.op_cases import LAYOUTS, Layout

Runner = Callable[[Recorder], None]
#: The dtypes that the quick tier searches: one of each kind.
_USUAL = frozenset({"bool", "int64", "bfloat16", "float32", "complex64"})
_SHORT: dict[str, Layout] = {layout[0]: layout for layout in LAYOUTS}


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn.  ``str(draw)`` is the name of the case."""

    shape: tuple[int, ...]  # of an elementwise op; else (number of the harvested case,)
    layouts: str  # a letter per operand: contiguous, strided, reversed, expanded, offset
    result: str  # the layout of the result
    wide: bool  # values from the whole range of exponents
    seed: int

    def __str__(self) -> str:
        sizes = "x".join(map(str, self.shape)) or "scalar"
        return f"{sizes}.{self.layouts}.{self.result}.{'wide' if self.wide else 'near'}.{self.seed}"

    @classmethod
    def parse(cls, name: str) -> Draw:
        """Return the draw of that name."""
        sizes, layouts, result, values, seed = name.split(".")
        shape = () if sizes == "scalar" else tuple(map(int, sizes.split("x")))
        return cls(shape, layouts, result, values == "wide", int(seed))


def fuzz(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Search for the worst of some cases drawn at random, the same ones in every run."""
    if not subject.cases(1) or (subject.quick and subject.dtype.name not in _USUAL):
        return
    if subject.selection.case not in ("", "search"):
        yield subject.selection.case, partial(_repeat, subject, subject.selection.case)
    else:
        yield "search", partial(_search, subject)


def _repeat(subject: Subject, name: str, grade: Recorder) -> None:
    error = _error(subject, Draw.parse(name))
    grade.measured(error.budgets, error.ulp, error.message)


def _search(subject: Subject, grade: Recorder) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    worst: list[tuple[Error, Draw]] = []
    draws = st.builds(
        Draw,
        _shapes(subject, st),
        st.text("csreo", min_size=_operands(subject), max_size=_operands(subject)),
        st.sampled_from("csro" if subject.elementwise else "c"),
        st.booleans() if subject.elementwise and subject.dtype.category == FLOAT else st.just(False),
        st.integers(0, 999),
    )

    @settings(
        max_examples=8 if subject.quick else 60,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(draws)
    def search(draw: Draw) -> None:
        grade.note(str(draw))
        error = _error(subject, draw)
        if error.budgets > 1:
            worst.append((error, draw))
        if error.budgets > 4:
            raise AssertionError(error.message)

    with contextlib.suppress(AssertionError):
        search()
    if worst:
        error, draw = worst[-1] if worst[-1][0].budgets > 4 else max(worst, key=lambda pair: pair[0].budgets)
        grade.rename(str(draw))
        grade.measured(error.budgets, error.ulp, error.message)


def _operands(subject: Subject) -> int:
    return max(1, len(subject.cases(1)[0].operands))


def _shapes(subject: Subject, st: Any) -> Any:
    if subject.elementwise:
        # every number of dims alike, and few sizes of 0, which hide what is wrong with the others
        sizes = st.sampled_from((1, 2, 3, 4, 5, 7, 8, 9, 0))
        return st.integers(0, 4).flatmap(lambda dims: st.tuples(*[sizes] * dims))
    return st.tuples(st.integers(0, len(subject.cases(60)) - 1))


def _error(subject: Subject, draw: Draw) -> Error:
    if subject.elementwise:
        call = stretched(subject, draw.shape, draw.seed)
        call = _widespread(call, draw.seed) if draw.wide else call
        problem = Problem(_broadcast(call, draw.layouts), subject.reference)
    else:
        problem = subject.harvested(subject.cases(60)[draw.shape[0]])
    layouts = tuple(_SHORT[letter] for letter in draw.layouts)
    return problem.judge(problem.call.results(subject.device, layouts, _SHORT[draw.result]))


def _widespread(call: Call, seed: int) -> Call:
    """Scale values by powers of two, so that they cover more of the dtype's range."""
    rng = np.random.default_rng(seed)

    def change(x: Operand) -> Operand:
        if not x.data or x.values is None:
            return x
        powers = rng.integers(-8, 9, x.values.shape)
        return replace(x, values=rounded(x.values * np.exp2(powers), x.dtype))

    return call.map(change)


def _broadcast(call: Call, layouts: str) -> Call:
    """Make the operands in layout "expanded" equal along their first dim."""
    operands: list[Operand | None] = []
    for x, letter in zip(call.operands, layouts, strict=True):
        if letter == "e" and x is not None and x.values is not None and x.shape and x.shape[0]:
            operands.append(replace(x, values=np.broadcast_to(x.values[:1], x.shape)))
        else:
            operands.append(x)
    return replace(call, operands=tuple(operands))
