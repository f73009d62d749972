"""Threads: kernels called from several threads at once give what they give alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from rustorch.device import Device
from rustorch.dtypes import FLOAT
from rustorch.testing.conformance.bits import results_of
from rustorch.testing.conformance.calls import Call
from rustorch.testing.conformance.kernel_calls import attempts, every_op
from rustorch.testing.conformance.programs import PROGRAMS, run
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection

_THREADS = 4


@pytest.mark.parametrize("op", every_op())
def test_kernels(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """Each thread gets the results of its own operands, of the same shapes as the others'."""
    rounds = 3 if selection.quick else 12
    for name, dtype, call in attempts(op, device, selection, 2 if selection.quick else 8):
        with grade.case(op, dtype, f"{name} threads"):
            own = [_changed(call, number) for number in range(_THREADS)]
            alone = [results_of(one, device) for one in own]
            found = at_once([partial(results_of, one, device) for one in own], rounds)
            wrong = sum(result != alone[number] for number, results in enumerate(found) for result in results)
            if wrong:
                grade.wrong(
                    f"{wrong} of {_THREADS * rounds} results of {_THREADS} threads differ from those alone"
                )


@pytest.mark.conformance(op="threads", dtype="float32")
def test_programs(device: Device) -> None:
    """Whole networks, forward and backward, run in threads of their own."""
    programs = list(PROGRAMS.values())[:_THREADS]
    alone = [run(program, 9, device) for program in programs]
    found = at_once([partial(run, program, 9, device) for program in programs], 3)
    for expected, results in zip(alone, found, strict=True):
        for result in results:
            if any(not np.array_equal(result[what], expected[what]) for what in expected):
                pytest.fail("a network gave other numbers beside others than alone")


def _changed(call: Call, number: int) -> Call:
    """Return the same call with other values, which the op is defined for as well."""

    def changed(x: Any) -> Any:
        if not x.data or x.values is None:
            return x
        smaller = 2.0**-number if x.dtype.category >= FLOAT else 1
        return replace(x, values=np.roll(x.values, number) * smaller)

    return call.map(changed)


def at_once(work: list[Callable[[], Any]], rounds: int) -> list[list[Any]]:
    """Run functions in threads of their own, `rounds` times each, all beginning together; return their results."""
    together = threading.Barrier(len(work))

    def repeated(one: Callable[[], Any]) -> list[Any]:
        together.wait(60)
        return [one() for _ in range(rounds)]

    with _frequent_switches(), ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(repeated, work))


@contextmanager
def _frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
