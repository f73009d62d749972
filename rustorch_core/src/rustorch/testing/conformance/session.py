"""The suite inside pytest: which tests run, what a test's outcomes mean for it, the report at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import rustorch
from rustorch.device import Device
from rustorch.errors import RusTorchError
from rustorch.testing.conformance import expected, stored, terminal
from rustorch.testing.conformance.checks import CHECKS
from rustorch.testing.conformance.outcomes import Outcome
from rustorch.testing.conformance.page import write_page
from rustorch.testing.conformance.recorder import Journal, Recorder
from rustorch.testing.conformance.report import Report, facts_about
from rustorch.testing.conformance.selection import Selection, require_known
from rustorch.testing.conformance.timing import best_other

#: The backend that says what is right.
ORACLE = "reference"
PACKAGE = "rustorch.testing.conformance"
_PROPERTY = "rustorch_outcomes"


class Session:
    """One run of the suite; registered as a pytest plugin by :mod:`rustorch_pytest`."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.backend: str = config.getoption("--rustorch-backend") or ""
        self.communicator: str = config.getoption("--rustorch-communicator") or ""
        self.mode: str = config.getoption("--rustorch-mode") or ""
        try:
            self.selection = self._selection()
        except RusTorchError as error:
            raise pytest.UsageError(str(error)) from None
        self.device = self._opened(self.backend) if self.backend else None
        self.reference = self._opened(ORACLE) if self.backend else None
        self.expected = expected.declared(self.device.type if self.device else self.communicator)
        self.against = self._opened(self._other()) if self.mode == "perf" and self.device else None
        self.outcomes: list[Outcome] = []
        self.narrowed = False  # by the user, beyond the options of the suite
        self.start = time.monotonic()
        path = config.getoption("--rustorch-journal")
        self.left_out = _seen(path) if path else frozenset()
        self.journal = Journal(path) if path else None

    def _selection(self) -> Selection:
        option = self.config.getoption
        quick, boot = option("--rustorch-quick"), option("--rustorch-tier") == "boot"
        if option("--rustorch-case"):
            return Selection.of_case(option("--rustorch-case"))
        ops, dtypes = frozenset(option("--rustorch-op")), frozenset(option("--rustorch-dtype"))
        require_known(ops, dtypes)
        return Selection(ops, dtypes, quick=quick, boot=boot)

    def _other(self) -> str:
        named: str = self.config.getoption("--rustorch-against")
        return named or best_other(rustorch.device(self.backend))

    def _opened(self, name: str) -> Device:
        try:
            device = rustorch.device(name)
            device.info.name  # noqa: B018 - opens it
        except RusTorchError as error:
            raise pytest.UsageError(str(error)) from None
        return device

    # -- which tests run --------------------------------------------------------------------------

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Keep the suite's tests that were asked for, and all tests of others."""
        files = {item.path for item in items if _ours(item)}
        self.narrowed = self.narrowed or files < set(Path(__file__).parent.glob("test_*.py"))
        kept: list[Any] = []
        dropped: list[Any] = []
        for item in items:
            (kept if not _ours(item) or self._wanted(item) else dropped).append(item)
        if dropped:
            config.hook.pytest_deselected(items=dropped)
            items[:] = kept

    def _wanted(self, item: Any) -> bool:
        facts = _facts(item)
        mode = facts.get("mode", "test")
        modes = {"test", "grad"} if not self.mode else {self.mode}
        return (
            mode in modes
            and ("communicator" in item.fixturenames) <= bool(self.communicator)
            and ("device" in item.fixturenames) <= bool(self.backend)
            and self._checks(item)
            and self.selection.boot <= facts.get("boot", False)
            and self.selection.has(facts.get("op", ""), facts.get("dtype", ""))
            and address(item) not in self.left_out
        )

    def _checks(self, item: Any) -> bool:
        """Return whether a test's cases are among those of the one check that was asked for, if one was."""
        asked = self.selection.check
        return not asked or asked in _CHECKS.get(_check_of(item), {_check_of(item)})

    # -- what a test's outcomes mean for it --------------------------------------------------------

    def recorder(self, item: Any) -> Recorder:
        """Return the recorder of a test, which is its fixture `grade`."""
        found: Recorder | None = getattr(item, "rustorch_recorder", None)
        if found is None:
            found = item.rustorch_recorder = Recorder(_check_of(item), address(item), self.journal)
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        """Judge a test by its outcomes; a test that records none counts for what its marker names."""
        if not _ours(item):
            yield
            return
        recorder = self.recorder(item)
        self._note("begin", item)
        try:
            yield
        except pytest.skip.Exception:
            self._note("end", item)
            raise
        except Exception as error:  # whatever a backend raises is its result
            self._add_whole(item, recorder, f"{type(error).__name__}: {error}")
            if not expected.reasons(recorder.outcomes, self.expected):
                self._note("end", item)
                raise
        else:
            if not recorder.outcomes and self.selection.has_case(recorder.check, item.name):
                self._add_whole(item, recorder, "")
        self._note("end", item)
        failed = expected.unexpected(recorder.outcomes, self.expected)
        if failed:
            pytest.fail("\n".join(map(self.described, failed[:10])), pytrace=False)
        excused = expected.reasons(recorder.outcomes, self.expected)
        if excused:
            pytest.xfail("; ".join(excused))

    def _add_whole(self, item: Any, recorder: Recorder, message: str) -> None:
        facts = _facts(item)
        subject = facts.get("op") or recorder.check
        kind, budgets = ("wrong", float("inf")) if message else ("ok", 0.0)
        recorder.add(
            Outcome(
                subject,
                facts.get("dtype", ""),
                recorder.check,
                item.name,
                budgets,
                0.0,
                message,
                kind,
                address(item),
            )
        )

    def _note(self, event: str, item: Any) -> None:
        if self.journal is not None:
            self.journal.write(event, address(item))

    def described(self, outcome: Outcome) -> str:
        """Return what went wrong in one case, and how to see it again."""
        return f"{outcome.id}: grade {outcome.grade}: {outcome.message}\n  {self.reproduction(outcome)}"

    def reproduction(self, outcome: Outcome) -> str:
        """Return the command that repeats a case."""
        return self.report.reproduction(outcome)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        """Attach a test's outcomes to its report, so that they reach the process that reports."""
        report: Any = yield
        recorder = getattr(item, "rustorch_recorder", None)
        if call.when == "call" and recorder is not None:
            report.user_properties.append((_PROPERTY, [o.to_json() for o in recorder.outcomes]))
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Collect the outcomes of a test, whichever process ran it."""
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "call":
                self.outcomes += map(Outcome.from_json, value)

    # -- the report at the end ---------------------------------------------------------------------

    @property
    def report(self) -> Report:
        """What is known so far."""
        chosen = self.selection
        tier = "boot" if chosen.boot else "quick" if chosen.quick else "full"
        return Report(
            self.backend or self.communicator,
            self.outcomes,
            self.expected,
            tier,
            tier == "full" and self.whole,
            facts_about(self.device) if self.device else {"communicator": self.communicator},
            time.monotonic() - self.start,
        )

    @property
    def whole(self) -> bool:
        """Whether everything that belongs to the tier ran."""
        chosen = self.selection
        return not (chosen.ops or chosen.dtypes or chosen.check or self.mode or self.narrowed)

    def pytest_deselected(self, items: list[Any]) -> None:
        """Note that the user narrowed the run (``-k`` and its like)."""
        self.narrowed = self.narrowed or any(_ours(item) and self._wanted(item) for item in items)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        """Fail where an announced failure does not happen."""
        if self.outcomes and session.exitstatus == pytest.ExitCode.OK and self.report.passing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any, config: Any) -> None:
        """Print the table, write the files that were asked for, keep the grade."""
        if not self.outcomes:
            return
        report = self.report
        if self.journal is None:  # else the process that reads the journal reports
            terminalreporter.section("RusTorch conformance")
            terminalreporter.write_line("\n".join(terminal.lines(report)))
            if self.whole:
                stored.store(report.summary())
        if config.getoption("--rustorch-json"):
            report.write_json(config.getoption("--rustorch-json"))
        if config.getoption("--rustorch-html"):
            write_page(report, config.getoption("--rustorch-html"))


def _seen(path: str) -> frozenset[str]:
    """Return the addresses of the tests that an earlier process began."""
    file = Path(path)
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return frozenset(facts["begin"] for facts in map(json.loads, lines) if "begin" in facts)


def _ours(item: Any) -> bool:
    module = getattr(item, "module", None)
    return module is not None and module.__name__.startswith(f"{PACKAGE}.")


#: The checks that a file's cases belong to, where there are several.
_CHECKS = {
    "ops": {*CHECKS, "support"},
    "gradients": {"gradients", "second gradients"},
    "speed": {"speed"},
}


def _check_of(item: Any) -> str:
    """Return the name of the check that a test belongs to: that of its file."""
    return str(item.module.__name__.rpartition(".")[2].removeprefix("test_"))


def _facts(item: Any) -> dict[str, Any]:
    marker = item.get_closest_marker("conformance")
    facts: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("conformance"))):
        facts |= marker.kwargs
    return facts


def address(item: Any) -> str:
    """Return a test's address, as ``pytest --pyargs`` takes it from any folder."""
    names = [node.name for node in item.listchain() if isinstance(node, (pytest.Class, pytest.Function))]
    return "::".join([item.module.__name__, *names])
