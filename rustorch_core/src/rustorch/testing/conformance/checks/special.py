"""Zeros of both signs, infinities, NaN, subnormal and extreme numbers, in every place of a vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rustorch.dtypes import COMPLEX, FLOAT, INT
from rustorch.testing.conformance.budgets import class_of
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.judge import FLUSHING
from rustorch.testing.conformance.numerics import Array, finfo_of, real_format
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.conformance.values import moderate
from rustorch.testing.conformance.values import special as special_values
from rustorch.testing.op_cases import OpCase

Runner = Callable[[Recorder], None]

#: Ops that pass over elements, so that a NaN in them need not reach the result.
_PASSES_OVER = frozenset({"attention", "attention_backward", "cross_entropy", "cross_entropy_backward"})
#: Ops that may multiply a NaN of one operand by the zeros of the other's padding, or not: the operand to examine.
_PADS = {"conv2d": 0, "conv2d_input_grad": 0, "conv2d_weight_grad": 1}
#: Ops for which numbers at the end of the range have no meaning: counts of bits.
_SHIFTS = frozenset({"bitwise_left_shift", "bitwise_right_shift"})


def special(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Run elementwise ops on all pairs of special numbers, other ops on operands with one NaN."""
    cases = subject.cases(limit=60)
    if subject.dtype.category == COMPLEX or not cases:
        return
    if subject.elementwise and subject.op not in _SHIFTS:
        yield "grid", partial(_grid, subject, cases[0])
    elif subject.dtype.category == FLOAT and subject.op not in _PASSES_OVER:
        for case in [c for c in cases if _sizes(c)][: 2 if subject.quick else 6]:
            call = subject.harvested(case).call
            for i, x in enumerate(call.operands):
                if _PADS.get(subject.op, i) != i:
                    continue
                if x is not None and x.data and x.values is not None and x.values.size:
                    for place in (0, -1) if subject.quick else (0, x.values.size // 2, -1):
                        yield f"{case.number}-nan-{i}-{place}", partial(_with_nan, subject, case, i, place)


def _sizes(case: OpCase) -> bool:
    return all(x is None or int(np.prod(x.shape)) for x in (*case.operands, *case.outs))


def _grid(subject: Subject, case: OpCase, grade: Recorder) -> None:
    """Give each operand every special number, beside every other one of the other operands."""
    call = subject.typed(case)
    numbers = _numbers(subject, call)
    data = [x is not None and x.data for x in call.operands]
    axes = [numbers if is_data else np.array([True, False]) for is_data in data]
    if subject.op.endswith("_backward"):  # what the forward op saved is a number
        axes[1:] = [axis[~np.isnan(axis)] for axis in axes[1:]]
    grid = [axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")] if len(axes) > 1 else axes
    if subject.op in ("floor_divide", "remainder") and subject.dtype.category == INT:
        grid[1] = np.where(grid[1] == 0, grid[1].dtype.type(1), grid[1])
    if subject.op == "pow" and subject.dtype.category == INT:
        grid[1] = np.clip(grid[1], -3 if grid[1].dtype.kind == "i" else 0, 9).astype(grid[1].dtype)
    shape = grid[0].shape
    operands = tuple(replace(x, shape=shape, values=v) for x, v in zip(call.operands, grid, strict=True) if x)
    outs = tuple(replace(o, shape=shape) for o in call.outs if o)
    _record(subject, replace(call, operands=operands, outs=outs), grade)


def _numbers(subject: Subject, call: Call) -> Array:
    kind = class_of(call)
    if kind not in ("stable", "activation"):
        return special_values(subject.dtype)
    found = moderate(subject.dtype)
    if subject.dtype.category == FLOAT and len(call.operands) == 1 and kind == "stable":
        return np.concatenate([found, [np.inf, -np.inf]])
    return found


def _record(subject: Subject, call: Call, grade: Recorder) -> None:
    """Record the error; a device that takes subnormal operands for zero gets a B and no worse."""
    problem = subject.problem(call)
    results = call.results(subject.device)
    error = problem.judge(results)
    if error.budgets > FLUSHING and subject.dtype.category == FLOAT:
        tiny = finfo_of(real_format(subject.dtype)).smallest_normal
        flushed = subject.problem(call.map(partial(_flushed, tiny)))
        mixed = [
            y
            if y is None or plain is None or other is None
            else np.where((plain != other) & _agree(y, other), plain, y)
            for y, plain, other in zip(results, problem.answers, flushed.answers, strict=True)
        ]
        again = problem.judge(mixed)
        if again.budgets <= FLUSHING:
            grade.measured(FLUSHING, again.ulp, "takes subnormal operands for zero")
            return
    grade.measured(error.budgets, error.ulp, error.message)


def _flushed(tiny: float, x: Operand) -> Operand:
    if not x.data or x.values is None:
        return x
    return replace(x, values=np.where(np.abs(x.values) < tiny, np.copysign(0.0, x.values), x.values))


def _agree(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):
        close: Array = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= 1e-2 * np.abs(b))
    return close


def _with_nan(subject: Subject, case: OpCase, position: int, place: int, grade: Recorder) -> None:
    call = subject.typed(case)
    operands = list(call.operands)
    x = operands[position]
    assert x is not None  # noqa: S101 - for the type checker: `special` chose the position
    values = np.array(x.values)
    values.reshape(-1)[place] = np.nan
    operands[position] = replace(x, values=values)
    subject.examine(grade, subject.problem(replace(call, operands=tuple(operands))))
