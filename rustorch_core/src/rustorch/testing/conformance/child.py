"""Running the suite in processes of its own, so that a kernel that kills one is a result like another."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rustorch.errors import MissingPackageError, RusTorchError
from rustorch.testing.conformance.outcomes import Outcome

PACKAGE = "rustorch.testing.conformance"
#: After so many dead processes, or so many that hung (each costs the whole patience), the suite is given up.
MOST_DEATHS = 25
MOST_HANGS = 3
#: Seconds without any progress after which a process counts as hanging.
PATIENCE = 300.0


@dataclass
class Journal:
    """What the processes wrote down."""

    outcomes: list[Outcome] = field(default_factory=list)
    began: int = 0  # tests
    pending: dict[str, str] | None = None  # the case that began and did not end
    ended: bool = True  # the last test


def require_pytest() -> None:
    """Make sure that the suite can run.

    Raises:
        MissingPackageError: if pytest or hypothesis is not installed.
    """
    for name in ("pytest", "hypothesis"):
        if find_spec(name) is None:
            raise MissingPackageError(
                f"grade: the conformance suite needs {name}, which is not installed",
                hint="pip install rustorch-core[conformance]",
            )


def read(path: Path) -> Journal:
    """Return what a journal holds."""
    found = Journal()
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            ((event, facts),) = json.loads(line).items()
        except ValueError:  # the process died while it wrote
            continue
        if event == "begin":
            found.began, found.ended, found.pending = found.began + 1, False, {"id": "", "node": facts}
        elif event == "end":
            found.ended, found.pending = True, None
        elif event == "start":
            found.pending = facts
        elif event == "outcome":
            found.outcomes.append(Outcome.from_json(facts))
    return found


def run_suite(arguments: list[str], *, patience: float = PATIENCE) -> list[Outcome]:
    """Run the suite with these pytest arguments, again after each death of the process; return all outcomes.

    Args:
        arguments: further arguments of pytest.
        patience: seconds without any progress after which a process counts as hanging.

    Raises:
        MissingPackageError: if pytest or hypothesis is not installed.
        RusTorchError: if pytest cannot run the suite at all; the text is pytest's.
    """
    require_pytest()
    with tempfile.TemporaryDirectory(prefix="rustorch-grade-") as folder:
        path, output = Path(folder, "journal"), Path(folder, "output")
        Path(folder, "pytest.ini").write_text("[pytest]\n", "utf-8")  # the user's own is about other tests
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "pytest",
            "-p",
            "rustorch_pytest",
            "-p",
            "no:cacheprovider",
        ]
        command += [
            "-c",
            str(Path(folder, "pytest.ini")),
            "--rootdir",
            folder,
            "--pyargs",
            PACKAGE,
            "-q",
            "--tb=short",
        ]
        command += [f"--rustorch-journal={path}", *arguments]
        deaths: list[Outcome] = []
        hangs, given_up = 0, False
        while not given_up:
            before = read(path).began
            code = _wait(command, path, output, patience)
            journal = read(path)
            if code in (0, 1, 5) and journal.ended:
                break
            text = output.read_text("utf-8", "replace")
            if journal.ended or journal.began == before:
                hung = " (it hung before its first test, and was killed)" if code is None else ""
                raise RusTorchError(f"grade: pytest could not run the suite{hung}\n{text[-2000:].strip()}")
            hangs += code is None
            given_up = hangs == MOST_HANGS or len(deaths) + 1 == MOST_DEATHS
            deaths.append(_death(journal.pending or {}, code, given_up=given_up))
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"end": "dead"}) + "\n")
        return read(path).outcomes + deaths


def _wait(command: list[str], path: Path, output: Path, patience: float) -> int | None:
    """Run a process to its end; return its status, None if it hung and was killed."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)  # noqa: S603 - this interpreter
        size, changed = _size(path), time.monotonic()
        allowed = max(patience, PATIENCE)  # until the first test: no kernel is to blame for a slow start
        try:
            while process.poll() is None:
                time.sleep(0.1)
                now = _size(path)
                if now != size:
                    size, changed, allowed = now, time.monotonic(), patience
                elif time.monotonic() - changed > allowed:
                    return None
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    return process.returncode


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _death(pending: dict[str, Any], code: int | None, *, given_up: bool) -> Outcome:
    parts = (pending.get("id") or "").split("/", 3)
    node = pending.get("node", "")
    op, dtype, check, case = (
        parts if len(parts) == 4 else (_subject(node), "", _subject(node), node.partition("::")[2])
    )
    cause = _cause(code) + (
        "; it was not the first, and the rest of the suite was not run" if given_up else ""
    )
    return Outcome(op, dtype.removeprefix("-"), check, case, float("inf"), 0.0, cause, "crashed", node)


def _subject(node: str) -> str:
    return node.partition("::")[0].rpartition(".")[2].removeprefix("test_")


def _cause(code: int | None) -> str:
    if code is None:
        return "the process hung and was killed"
    if code < 0:
        try:
            return f"the process was killed by signal {signal.Signals(-code).name}"
        except ValueError:
            return f"the process was killed by signal {-code}"
    return f"the process ended with status {code}"
