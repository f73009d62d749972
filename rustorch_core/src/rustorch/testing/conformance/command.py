"""``rustorch grade``: the whole suite on one backend, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rustorch.device import Device
from rustorch.errors import ArgumentError
from rustorch.runtime import opened
from rustorch.testing.conformance import expected, stored, terminal
from rustorch.testing.conformance.child import PATIENCE, run_suite
from rustorch.testing.conformance.page import write_page
from rustorch.testing.conformance.report import Report, facts_about
from rustorch.testing.conformance.selection import Selection, require_known
from rustorch.testing.conformance.support import support
from rustorch.testing.conformance.timing import best_other


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    backend: str
    mode: str = ""
    quick: bool = False
    tier: str = "full"
    against: str = ""
    ops: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    case: str = ""
    json: str = ""
    html: str = ""
    patience: float = PATIENCE


def grade(request: Request) -> tuple[list[str], bool]:
    """Run what is asked for; return the lines to print and whether the backend conforms.

    Raises:
        DeviceError: if the backend cannot be opened.
        ArgumentError: if an option names what does not exist.
    """
    device = opened(Device(request.backend))
    _check(request)
    if request.mode == "support":
        return _support(device, request), True
    start = time.monotonic()
    outcomes = run_suite(_arguments(request), patience=request.patience)
    if not outcomes:
        raise ArgumentError(
            f"grade: no case of {request.backend} fits",
            hint="rustorch grade NAME --mode support lists its dtypes",
        )
    whole = not (request.ops or request.dtypes or request.case or request.mode)
    tier = "boot" if request.tier == "boot" else "quick" if request.quick else "full"
    report = Report(
        request.backend,
        outcomes,
        expected.declared(device.type),
        tier,
        whole and tier == "full",
        facts_about(device),
        time.monotonic() - start,
    )
    if whole:
        stored.store(report.summary())
    if request.json:
        report.write_json(request.json)
    if request.html:
        write_page(report, request.html)
    if request.mode == "perf":
        return terminal.times(report), report.ok
    return terminal.lines(report), report.ok


def _check(request: Request) -> None:
    """Raise where an option is wrong: here and not in the child, and before the work and not after it."""
    if request.case:
        Selection.of_case(request.case)
    require_known(request.ops, request.dtypes)
    if not request.patience > 0:
        raise ArgumentError(f"grade: patience must be positive, got {request.patience:g}")
    for path in filter(None, (request.json, request.html)):
        if not Path(path).absolute().parent.is_dir():
            raise ArgumentError(f"grade: there is no folder for the report {path}")


def _arguments(request: Request) -> list[str]:
    found = [f"--rustorch-backend={request.backend}", f"--rustorch-tier={request.tier}"]
    found += ["--rustorch-quick"] if request.quick else []
    found += [f"--rustorch-mode={request.mode}"] if request.mode else []
    found += [f"--rustorch-op={op}" for op in request.ops]
    found += [f"--rustorch-dtype={dtype}" for dtype in request.dtypes]
    found += [f"--rustorch-case={request.case}"] if request.case else []
    if request.mode == "perf":
        found.append(f"--rustorch-against={request.against or best_other(Device(request.backend))}")
    return found


def _support(device: Device, request: Request) -> list[str]:
    found = support(device)
    if request.json:
        facts = {"schema": "rustorch-support/1", **facts_about(device), "ops": found}
        Path(request.json).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return terminal.support_lines(str(device), found)
