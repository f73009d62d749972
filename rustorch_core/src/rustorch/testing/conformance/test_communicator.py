"""Communicators: collectives of worlds of 1, 2 and 3 processes, and what becomes of mistakes.

Run it with ``pytest --pyargs rustorch.testing.conformance --rustorch-communicator=SCHEME``.  The suite
starts the processes itself, with ``WORLD_SIZE`` and ``RANK`` set; a communicator that needs a launcher gets
it with ``--rustorch-launcher="mpiexec -n {world_size}"``.
"""

from __future__ import annotations

from typing import Any

import pytest

from rustorch.distributed.config import from_environment
from rustorch.testing.conformance.communicator_programs import MISTAKES, programs
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.worlds import Result, Settings, run_all, run_world


@pytest.fixture
def settings(request: pytest.FixtureRequest, communicator: str, quick: bool) -> Settings:
    """How to start worlds of the communicator under test."""
    here = from_environment(communicator).world_size()
    if here > 1:
        raise pytest.UsageError(
            f"the suite starts worlds itself, got a world of {here} processes that runs the suite: "
            'start it once, with --rustorch-launcher="mpiexec -n {world_size}" or the like'
        )
    launcher = request.config.getoption("--rustorch-launcher") or ""
    return Settings(communicator, launcher, timeout=5.0 if quick else 20.0, quick=quick)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_world(size: int, settings: Settings, grade: Recorder, selection: Selection) -> None:
    """All collectives in a world of this size, and its end."""
    names = [name for name in programs(quick=settings.quick) if _selected(name, selection)]
    for name, result in run_all(settings, size, names):
        op, dtype, case = _parts(name)
        with grade.case(op, dtype, f"world of {size} {case}"):
            if unsupported := result.of("unsupported"):
                grade.unsupported(unsupported[0])
            elif wrong := result.of("failed") or result.of("hung"):
                grade.wrong("; ".join(wrong[:3]))
            elif len(result.events) < size:
                grade.wrong(f"only processes {sorted(result.events)} of {size} took part")


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str, settings: Settings, grade: Recorder, selection: Selection) -> None:
    """Processes that do not call the same collective get an error and do not hang."""
    if not _selected(name, selection):
        pytest.skip("not selected")
    op, dtype, case = _parts(name)
    with grade.case(op, dtype, case):
        hasty = Settings(settings.scheme, settings.launcher, timeout=5.0, quick=settings.quick)
        found, trouble = run_world(hasty, 2, [name])
        result: Any = found.get(name, Result({0: ("hung", f"the world could not be joined: {trouble}")}))
        if hung := result.of("hung"):
            grade.wrong(f"no error after {hasty.timeout} s, which is the timeout: {'; '.join(hung)}")
        elif not result.of("failed"):
            grade.wrong("an error is required in at least one process, got none")


def _parts(name: str) -> tuple[str, str, str]:
    op, dtype, case = name.split("/")
    return op, dtype.strip("-"), case


def _selected(name: str, selection: Selection) -> bool:
    op, dtype, _ = _parts(name)
    return selection.has(op, dtype)
