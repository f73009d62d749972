"""Every size around the widths of vectors and tiles, and their tails; none and one element among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rustorch.testing.conformance.calls import Call, Operand, converted
from rustorch.testing.conformance.judge import Error
from rustorch.testing.conformance.numerics import Array
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Problem, Subject
from rustorch.testing.conformance.sweeps import SWEEP_OF, at_size

Runner = Callable[[Recorder], None]

#: Elementwise ops run at every size up to here in one case.
LONGEST = 130
_FEW = (0, 1, 2, 3, 5, 8, 13, 16, 17, 31, 33, 64, 65, 127, 130)
_MANY = (
    *range(20),
    23,
    24,
    25,
    *range(30, 35),
    47,
    48,
    49,
    *range(62, 68),
    95,
    96,
    97,
    *range(126, 131),
    255,
    257,
)
#: Ops whose data operands have the rows of the result: a case of another size is one with other rows.
_BY_ROWS = frozenset("lstm_cell lstm_cell_backward gru_cell gru_cell_backward sgd_step adam_step".split())
_DRAWN = frozenset({"random_bits", "random_uniform", "random_normal", "fill"})


def sizes(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run elementwise ops on 0 to 130 elements, others at sizes around powers of two."""
    if subject.elementwise or subject.op == "cast":
        if subject.cases(1):
            yield f"0-{LONGEST}", partial(_prefixes, subject)
        return
    for n in _FEW if subject.quick else _MANY:
        for number in range(_count(subject, n)):
            yield f"{n}-{number}", partial(_at, subject, n, number)


def _count(subject: Subject, n: int) -> int:
    if subject.op in _BY_ROWS or subject.op in _DRAWN:
        return 1 if subject.cases(1) else 0
    return min(len(at_size(subject.op, n)), 3 if subject.quick else 12) if subject.op in SWEEP_OF else 0


def _at(subject: Subject, n: int, number: int, grade: Recorder) -> None:
    if subject.op in _BY_ROWS or subject.op in _DRAWN:
        case = next((c for c in subject.cases(60) if any(o is not None and o.shape for o in c.outs)), None)
        call = of_rows(subject.typed(case or subject.cases(1)[0]), n)
    else:
        call = subject.typed(at_size(subject.op, n)[number])
    subject.examine(grade, subject.problem(call))


def of_rows(call: Call, rows: int) -> Call:
    """Return the call with so many rows, those that it has repeated."""

    def change(x: Operand | None, *, result: bool) -> Operand | None:
        if x is None or not x.shape or not (x.data or result):
            return x
        values = None if x.values is None else np.resize(x.values, (rows, *x.shape[1:]))
        return replace(x, shape=(rows, *x.shape[1:]), values=values)

    return replace(
        call,
        operands=tuple(change(x, result=False) for x in call.operands),
        outs=tuple(change(o, result=True) for o in call.outs),
    )


def stretched(subject: Subject, shape: tuple[int, ...], seed: int = 0, number: int = 0) -> Call:
    """Return an elementwise call on operands of a shape, with values in the range of the harvested ones."""
    case = subject.cases(60)[number]
    call = subject.typed(case)
    rng = np.random.default_rng(seed)

    def drawn(seen: Array | None, x: Operand | None) -> Operand | None:
        if x is None or seen is None:
            return x
        if x.dtype.category == 0:
            return replace(x, shape=shape, values=rng.random(shape) < 0.5)
        low, high = (seen.min(), seen.max()) if seen.size else (0, 1)
        if seen.dtype.kind in "iu":
            return replace(x, shape=shape, values=_like(rng.integers(low, high + 1, shape), x, rng, case.op))
        return replace(x, shape=shape, values=_like(rng.uniform(low, high, shape), x, rng, case.op))

    ranges = [_values_of(subject, i) for i in range(len(case.operands))]
    operands = tuple(drawn(seen, x) for seen, x in zip(ranges, call.operands, strict=True))
    return replace(call, operands=operands, outs=tuple(o and replace(o, shape=shape) for o in call.outs))


def _values_of(subject: Subject, position: int) -> Array | None:
    """Return the values that the samples of the op itself give to an operand."""
    own = [c for c in subject.cases(60) if c.origin.startswith(f"{subject.op}-")] or subject.cases(60)
    found = [
        x.values.reshape(-1) for c in own if (x := c.operands[position]) is not None and x.values is not None
    ]
    if not found:
        return None
    values = np.concatenate(found)
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def _like(values: Array, x: Operand, rng: np.random.Generator, op: str) -> Array:
    return converted(values, x.dtype, rng, nonzero=op in ("floor_divide", "remainder"))


def _prefixes(subject: Subject, grade: Recorder) -> None:
    """Run the first 0, 1, 2 ... elements of one array; the right results are the beginning of one array too."""
    whole = subject.problem(stretched(subject, (LONGEST,)))
    worst = Error()
    for n in range(LONGEST + 1):
        part = prefix(whole, n)
        error = part.judge(part.call.results(subject.device))
        worst = worst.worse(Error(error.budgets, error.ulp, f"{n} elements: {error.message}"))
    grade.measured(worst.budgets, worst.ulp, worst.message)


def prefix(whole: Problem, n: int) -> Problem:
    """Return the first `n` elements of a problem of one dim, with the answers that are known already."""

    def cut(x: Operand | None) -> Operand | None:
        return x and replace(x, shape=(n,), values=None if x.values is None else x.values[:n])

    call = replace(
        whole.call, operands=tuple(map(cut, whole.call.operands)), outs=tuple(map(cut, whole.call.outs))
    )
    part = Problem(call, whole.reference)
    part.answers = [None if y is None else y[:n] for y in whole.answers]
    part.allowed = [None if b is None else b[:n] for b in whole.allowed]
    return part
