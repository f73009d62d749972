"""All of the suite that concerns one op, in this process: what `--rustorch-op=OP --rustorch-quick` runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from wrong_kernels import WrongKernel, planted

import rustorch
from rustorch.testing import conformance
from rustorch.testing.conformance import expected, run
from rustorch.testing.conformance.outcomes import Outcome
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection

REFERENCE = rustorch.device("reference")

#: Covered by `run`.
_GRADED = {"test_ops", "test_gradients"}


def outcomes(device: str, op: str, dtypes: frozenset[str] = frozenset()) -> Iterator[Outcome]:
    """Yield what becomes of an op in the quick tier: kernels, derivatives, and the suites about the rest."""
    concerned = {op, op.removesuffix("_backward")}
    yield from run(device, quick=True, ops=concerned, dtypes=dtypes, expected=[]).outcomes
    selection = Selection(frozenset({op}), dtypes, quick=True)
    for module in pkgutil.iter_modules(conformance.__path__):
        if module.name.startswith("test_") and module.name not in _GRADED:
            suite = importlib.import_module(f"{conformance.__name__}.{module.name}")
            for function in [f for name, f in vars(suite).items() if name.startswith("test_")]:
                for arguments in _calls(function, op, dtypes):
                    yield from _ran(function, arguments, device, selection)


def _calls(function: Any, op: str, dtypes: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield the parameters with which a test of the suite concerns an op."""
    marks = list(getattr(function, "pytestmark", []))
    if inspect.isfunction(function) and "device" in inspect.signature(function).parameters:
        combined: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, _facts(marks))]
        for mark in (m for m in marks if m.name == "parametrize"):
            name, values = mark.args
            given = [v if hasattr(v, "marks") else pytest.param(v) for v in values]
            combined = [
                (arguments | {name: v.values[0]}, facts | _facts(v.marks))
                for arguments, facts in combined
                for v in given
            ]
        for arguments, facts in combined:
            if facts.get("op") == op and (not dtypes or facts.get("dtype", "") in {"", *dtypes}):
                yield arguments


def _facts(marks: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mark in marks:
        found |= mark.kwargs if mark.name == "conformance" else {}
    return found


def _ran(function: Any, arguments: dict[str, Any], device: str, selection: Selection) -> list[Outcome]:
    grade = Recorder(function.__module__.rpartition(".")[2].removeprefix("test_"))
    fixtures: dict[str, Any] = {
        "device": rustorch.device(device),
        "reference": REFERENCE,
        "quick": True,
        "grade": grade,
        "selection": selection,
    }
    wanted = inspect.signature(function).parameters
    try:
        function(**arguments, **{name: f for name, f in fixtures.items() if name in wanted})
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever a backend raises is its result
        with grade.case(next(iter(selection.ops)), "", function.__name__):
            grade.wrong(f"{type(error).__name__}: {error}")
    return grade.outcomes


@cache
def usual(backend: str, op: str) -> tuple[frozenset[str], tuple[Outcome, ...]]:
    """Return what a right backend gets no A for: the names of the cases, and what nobody announced."""
    with planted(None, backend=backend) as device:
        found = [o for o in outcomes(device, op) if o.grade not in ("A", "-")]
    return frozenset(o.id for o in found), tuple(expected.unexpected(found, expected.declared(backend)))


def complaints(wrong: WrongKernel) -> Iterator[Outcome]:
    """Yield what a wrong kernel gets no A for, and its right twin does."""
    known, _ = usual(wrong.backend, wrong.op)
    with planted(wrong) as device:
        for outcome in outcomes(device, wrong.op, wrong.dtypes):
            if outcome.grade not in ("A", "-") and outcome.id not in known:
                yield outcome
