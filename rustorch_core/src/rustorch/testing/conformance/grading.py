"""Grading a backend in this process."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rustorch.device import Device
from rustorch.dispatch.contract import ExpectedFailure
from rustorch.errors import ArgumentError
from rustorch.runtime import opened
from rustorch.testing.conformance import expected as expectations
from rustorch.testing.conformance.derivatives import grade_derivatives, gradient_pairs
from rustorch.testing.conformance.engine import grade_op, pairs
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.report import Report, facts_about
from rustorch.testing.conformance.selection import Selection, require_known
from rustorch.testing.conformance.subjects import ORACLE


def run(
    backend: str,
    *,
    quick: bool = False,
    ops: Iterable[str] = (),
    dtypes: Iterable[str] = (),
    mode: str = "",
    tier: str = "full",
    case: str = "",
    expected: list[ExpectedFailure] | None = None,
) -> Report:
    """Grade the ops of a backend and their derivatives, in this process and without pytest.

    A kernel that kills the process kills the caller; ``rustorch grade`` is safe from that, and runs
    the suites about memory, streams, sequences and training as well.

    Args:
        backend: the device, such as "name" or "name:1".
        quick: fewer cases.
        ops: only these ops and public functions; all if empty.
        dtypes: only these dtypes; all if empty.
        mode: "test" for ops only, "grad" for derivatives only, "" for both.
        tier: "full" or "boot".
        case: only this case, by its name.
        expected: in place of the failures that the plugins announce.

    Raises:
        DeviceError: if the backend, or the reference backend, cannot be opened.
        ArgumentError: if `mode`, `tier` or `case` is not one of these, or there is no such op or dtype.

    >>> from rustorch.testing.conformance import run
    >>> run("reference", quick=True, ops=["neg"], dtypes=["float32"], mode="test").grade
    'A'
    """
    for name, value, allowed in (("mode", mode, ("", "test", "grad")), ("tier", tier, ("full", "boot"))):
        if value not in allowed:
            raise ArgumentError(f"run: {name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    device, reference = opened(Device(backend)), opened(Device(ORACLE))
    chosen = Selection(frozenset(ops), frozenset(dtypes), quick=quick, boot=tier == "boot")
    require_known(chosen.ops, chosen.dtypes)
    selection = Selection.of_case(case) if case else chosen
    start = time.monotonic()
    grade = Recorder("ops")
    if mode != "grad":
        for op, dtype in pairs(device, selection):
            grade_op(op, dtype, device, reference, selection, grade)
    if mode != "test" and not selection.boot:
        for function, dtype in gradient_pairs(device, selection):
            grade_derivatives(function, dtype, device, reference, selection, grade)
    return Report(
        backend,
        grade.outcomes,
        expectations.declared(device.type) if expected is None else expected,
        "boot" if selection.boot else "quick" if quick else "full",
        not (quick or case or mode or selection.boot),
        facts_about(device),
        time.monotonic() - start,
    )
