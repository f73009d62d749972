"""What a kernel must refuse: indices out of range and division of integers by zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rustorch.dtypes import INT, DType
from rustorch.errors import OutOfBoundsError
from rustorch.testing.conformance.calls import Call, Operand, read
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject

Runner = Callable[[Recorder], None]

#: The position of the operand that holds indices.
_INDEX = {"gather": 1, "scatter": 0, "index_select": 1, "index_add": 0, "cross_entropy": 1}


def refusals(subject: Subject) -> Iterator[tuple[str, Runner]]:
    """Give an index that is too large, or zero as a divisor."""
    cases = [c for c in subject.cases(limit=60) if all(x is None or 0 not in x.shape for x in c.operands)]
    if not cases:
        return
    for name, call, error in provoking(subject.typed(cases[0]), subject.dtype):
        yield name, partial(_must_raise, subject, call, error)


def provoking(call: Call, dtype: DType) -> Iterator[tuple[str, Call, type[Exception]]]:
    """Yield (what is wrong, call, error that is due): a call in a dtype, with one bad number in an operand."""
    if call.op in _INDEX:
        yield "index", _changed(call, _INDEX[call.op], 10**6), OutOfBoundsError
    if call.op in ("floor_divide", "remainder") and dtype.category == INT:
        yield "zero", _changed(call, 1, 0), ZeroDivisionError


def _changed(call: Call, position: int, value: int) -> Call:
    x: Operand | None = call.operands[position]
    if x is None or x.values is None:
        return call
    values = np.array(x.values)
    values.reshape(-1)[-1] = value
    return replace(
        call, operands=(*call.operands[:position], replace(x, values=values), *call.operands[position + 1 :])
    )


def _must_raise(subject: Subject, call: Call, error: type[Exception], grade: Recorder) -> None:
    try:
        out, inputs = call.on(subject.device)
        call.run(subject.device, out, inputs)
        subject.device.runtime.synchronize()
        read(out[0] if call.several else out)
    except error:
        return
    grade.wrong(f"{error.__name__} is required, got a result")
