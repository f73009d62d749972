"""The result of a run: a grade per op and dtype, and what it rests on.

The JSON form (``Report.to_json``) has the schema ``rustorch-grade/1``, described in docs/conformance.md.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import rustorch
from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dispatch.contract import CONTRACT_VERSION, ExpectedFailure
from rustorch.dispatch.opening import plugins
from rustorch.dtypes import dtype_of
from rustorch.testing.conformance import expected as expectations
from rustorch.testing.conformance.outcomes import MEANINGS, Outcome, worst
from rustorch.testing.conformance.selection import ENGINE_CHECKS
from rustorch.testing.conformance.support import source_of

SCHEMA = "rustorch-grade/1"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of one op in one dtype."""

    op: str
    dtype: str
    grade: str
    source: str  # "native", "decomposed" or "missing"; "" for what is no op
    cases: int
    worst: Outcome
    expected: tuple[str, ...]  # reasons of the expected failures that happened


@dataclass
class Report:
    """Everything that a run found out.

    Attributes:
        subject: the backend (or the communicator's scheme).
        outcomes: what became of every case.
        expected: the failures that plugins announced for it.
        tier: "full", "quick" or "boot".
        complete: whether every case of the suite ran.
        facts: about the device and the versions.
        seconds: how long it took.
    """

    subject: str
    outcomes: list[Outcome]
    expected: Sequence[ExpectedFailure] = ()
    tier: str = "full"
    complete: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @cached_property
    def cells(self) -> dict[tuple[str, str], Cell]:
        """The grade of each op and dtype."""
        grouped: dict[tuple[str, str], list[Outcome]] = {}
        for outcome in self.outcomes:
            grouped.setdefault((outcome.op, outcome.dtype), []).append(outcome)
        return {key: self._cell(*key, found) for key, found in sorted(grouped.items())}

    def _cell(self, op: str, dtype: str, found: list[Outcome]) -> Cell:
        lowest = worst(found)
        assert lowest is not None  # noqa: S101 - a group has members
        reasons = tuple(expectations.reasons(found, self.expected))
        return Cell(op, dtype, lowest.grade, self._source(op, dtype), len(found), lowest, reasons)

    def _source(self, op: str, dtype: str) -> str:
        if op not in registry.ops or not dtype or "backend" not in self.facts:
            return ""
        return source_of(op, dtype_of(dtype), Device(self.subject))

    @cached_property
    def failures(self) -> list[Outcome]:
        """The outcomes that are not good enough and that nobody announced, the worst first."""
        found = expectations.unexpected(self.outcomes, self.expected)
        return sorted(found, key=lambda o: ("FDC-".find(o.grade), -o.budgets, o.id))

    @cached_property
    def passing(self) -> list[tuple[ExpectedFailure, str]]:
        """The expected failures that did not happen, with the dtype."""
        return expectations.passing(self.outcomes, self.expected, complete=self.complete)

    @property
    def ok(self) -> bool:
        """Whether the backend conforms, apart from what its plugin announces."""
        return not self.failures and not self.passing

    @property
    def counts(self) -> dict[str, int]:
        """How many ops and dtypes have each grade."""
        found = Counter(cell.grade for cell in self.cells.values())
        return {grade: found[grade] for grade in MEANINGS if found[grade]}

    @property
    def grade(self) -> str:
        """The lowest grade, announced failures left aside; "-" if nothing was graded."""
        found = [cell.grade for cell in self.cells.values() if not cell.expected and cell.grade != "-"]
        return max(found, key="ABCDF".index, default="-")

    def reproduction(self, outcome: Outcome) -> str:
        """Return the command that repeats a case."""
        if outcome.check in ENGINE_CHECKS:
            return f"rustorch grade {self.subject} --case '{outcome.id}'"
        node = outcome.node or "rustorch.testing.conformance"
        option = "backend" if "backend" in self.facts else "communicator"
        return f"pytest --pyargs '{node}' --rustorch-{option}={self.subject}"

    def summary(self) -> dict[str, Any]:
        """Return the grade in a few facts: what `last_grade` gives."""
        return {
            "schema": SCHEMA,
            "subject": self.subject,
            "grade": self.grade,
            "ok": self.ok,
            "tier": self.tier,
            "complete": self.complete,
            "counts": self.counts,
            "cases": len(self.outcomes),
            "failures": len(self.failures),
            "expected_failures": sum(bool(cell.expected) for cell in self.cells.values()),
            "seconds": round(self.seconds, 1),
            **self.facts,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the whole report as plain data."""
        return {
            **self.summary(),
            "meanings": MEANINGS,
            "cells": [
                {
                    "op": cell.op,
                    "dtype": cell.dtype,
                    "grade": cell.grade,
                    "source": cell.source,
                    "cases": cell.cases,
                    "expected": list(cell.expected),
                    "worst": {
                        **cell.worst.to_json(),
                        "id": cell.worst.id,
                        "command": self.reproduction(cell.worst),
                    },
                }
                for cell in self.cells.values()
            ],
            "unexpected": [
                {**o.to_json(), "id": o.id, "command": self.reproduction(o)} for o in self.failures[:200]
            ],
            "passing": [
                {"op": f.op, "dtype": d, "kind": f.kind, "reason": f.reason} for f, d in self.passing
            ],
        }

    def write_json(self, path: str | Path) -> None:
        """Write the whole report to a file."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", "utf-8")


def facts_about(device: Device) -> dict[str, Any]:
    """Return what a grade holds for: the device and the versions."""
    sources = [r for r in plugins().records.values() if any(b.name == device.type for b in r.backends)]
    return {
        "backend": str(device),
        "device": device.info.name,
        "arch": device.info.arch,
        "distribution": f"{sources[0].distribution} {sources[0].version}".strip() if sources else "",
        "rustorch": rustorch.__version__,
        "contract": ".".join(map(str, CONTRACT_VERSION)),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
        "pytest": _version("pytest"),
        "hypothesis": _version("hypothesis"),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
