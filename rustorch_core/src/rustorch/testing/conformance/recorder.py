"""Collecting outcomes while cases run: the fixture ``grade``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rustorch.errors import MissingKernelError
from rustorch.testing.conformance.outcomes import Outcome


class Journal:
    """A file with one line per event, so that another process knows which case ended this one."""

    def __init__(self, path: str | Path) -> None:
        self._file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open for the whole run

    def write(self, event: str, facts: Any) -> None:
        """Add a line; it is in the system's hands when this returns."""
        self._file.write(json.dumps({event: facts}) + "\n")
        self._file.flush()


class Recorder:
    """Takes down what became of each case; a test of the suite gets one as the fixture ``grade``.

    A test about one op and dtype says so per case::

        def test_sums_again(device, grade):
            for size in (1, 7, 64):
                with grade.case("sum", "float32", f"size {size}"):
                    x = rustorch.ones(size, device=device)
                    if x.sum().item() != size:
                        grade.wrong(f"sum of {size} ones is {x.sum().item()}")

    What a case raises is recorded as wrong, and the test goes on with the next case; the test fails at
    its end.  An error that can be measured is given to `measured` instead, in budgets and ULPs.
    """

    def __init__(self, check: str = "", node: str = "", journal: Journal | None = None) -> None:
        self.check = check
        self.node = node
        self.journal = journal
        self.outcomes: list[Outcome] = []
        self._current: tuple[str, str, str, str] | None = None
        self._recorded = False

    @contextmanager
    def case(self, op: str, dtype: str = "", case: str = "", *, check: str = "") -> Iterator[None]:
        """Run one case: it is good unless the block raises, or calls `wrong` or `measured`.

        Args:
            op: the op that it counts for, or the subject of the suite, such as "memory".
            dtype: the dtype that it counts for; "" if there is none.
            case: its name, from which it can be repeated.
            check: the kind of check; that of the test (its file's name) if "".
        """
        self._current, self._recorded = (op, dtype, check or self.check, case), False
        self._begin()
        try:
            yield
        except MissingKernelError as error:
            self.unsupported(str(error).partition("\n")[0])
        except Exception as error:  # noqa: BLE001 - whatever a backend raises is its result
            self.wrong(f"{type(error).__name__}: {error}")
        else:
            if not self._recorded:
                self.measured(0.0)
        finally:
            self._current = None

    def note(self, detail: str) -> None:
        """Note in the journal what the case that runs is at, in case that the process dies there."""
        if self.journal is not None and self._current is not None:
            self.rename(detail)
            self._begin()

    def rename(self, case: str) -> None:
        """Give the case that runs another name: that by which it can be repeated."""
        if self._current is not None:
            self._current = (*self._current[:3], case)

    def _begin(self) -> None:
        if self.journal is not None and self._current is not None:
            op, dtype, check, case = self._current
            self.journal.write("start", {"id": "/".join((op, dtype or "-", check, case)), "node": self.node})

    def measured(self, budgets: float, ulp: float = 0.0, message: str = "") -> None:
        """Record the error of the case that runs, in budgets (see `Outcome`)."""
        kind = "ok" if budgets <= 1 else "inaccurate"
        self._add(budgets, ulp, message if budgets > 1 else "", kind)

    def timed(self, budgets: float, message: str) -> None:
        """Record the time of the case that runs: up to 4 budgets pass, more are slow."""
        self._add(budgets, 0.0, message, "ok" if budgets <= 4 else "slow")

    def wrong(self, message: str) -> None:
        """Record that the case that runs gave a wrong answer."""
        self._add(math.inf, 0.0, message, "wrong")

    def unsupported(self, message: str) -> None:
        """Record that the device has no kernel for the case that runs."""
        self._add(0.0, 0.0, message, "unsupported")

    def _add(self, budgets: float, ulp: float, message: str, kind: str) -> None:
        if self._current is None:
            raise RuntimeError("grade: a result belongs to a case: use it inside `with grade.case(...)`")
        op, dtype, check, case = self._current
        self._recorded = True
        self.add(Outcome(op, dtype, check, case, budgets, ulp, message, kind, self.node))

    def add(self, outcome: Outcome) -> None:
        """Record an outcome made elsewhere."""
        self.outcomes.append(outcome)
        if self.journal is not None:
            self.journal.write("outcome", outcome.to_json())
