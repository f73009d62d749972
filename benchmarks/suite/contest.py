"""Rounds between libraries: each in a process of its own, taking turns on the same work."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
from worker import THREADS

HERE = Path(__file__).resolve().parent
#: Seconds of one turn, and how much of a processor others may take of it before it is repeated.
TURN, TOLERATED = 0.3, 0.1
_REPETITIONS = 4


@dataclass
class Score:
    """What one library did in one work."""

    seconds: list[float] = field(default_factory=list)  # per call, a figure per round
    first: float = 0.0  # from the start of the process to the end of the first step
    peak: int = 0  # bytes
    others: list[float] = field(default_factory=list)  # processors taken by other programs, per round
    failure: str = ""

    @property
    def median(self) -> float:
        """The median over rounds; 0 without any."""
        return statistics.median(self.seconds) if self.seconds else 0.0


class Worker:
    """A library's process."""

    def __init__(self, library: str, work: str) -> None:
        self.score = Score()
        environment = os.environ | dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RUSTORCH_NUM_THREADS"),
            str(THREADS),
        )
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), library, work, repr(time.time())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=true"},
        )
        facts = self._read()
        if facts is not None:
            self.score.first = facts["first"]
            self._calls = 1
            self.turn(keep=False)
            once = self._last
            self._calls = max(1, min(100_000, int(TURN / max(once, 1e-7))))

    def _read(self) -> dict[str, Any] | None:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if line:
            facts: dict[str, Any] = json.loads(line)
            return facts
        lines = self._process.stderr.read().strip().splitlines()  # type: ignore[union-attr]
        self.score.failure = lines[-1] if lines else f"exit status {self._process.wait()}"
        return None

    def turn(self, *, keep: bool = True) -> None:
        """Do the work for one turn; again if other programs disturbed it."""
        for _ in range(_REPETITIONS):
            if self.score.failure:
                return
            before, began = machine.busy_seconds(), time.perf_counter()
            self._process.stdin.write(f"calls {self._calls}\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
            facts = self._read()
            if facts is None:
                return
            elapsed = time.perf_counter() - began
            others = max(0.0, (machine.busy_seconds() - before - facts["processor"]) / elapsed)
            self._last = facts["seconds"]
            if others <= TOLERATED or not keep:
                break
        if keep:
            self.score.seconds.append(facts["seconds"])
            self.score.others.append(others)
            self.score.peak = facts["peak"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def contest(work: str, libraries: list[str], rounds: int) -> dict[str, Score]:
    """Let the libraries take turns; the order changes from round to round."""
    workers = {library: Worker(library, work) for library in libraries}
    try:
        for number in range(rounds):
            order = list(workers.values())
            shift = number % len(order)
            for worker in order[shift:] + order[:shift]:
                worker.turn()
    finally:
        for worker in workers.values():
            worker.close()
    return {library: worker.score for library, worker in workers.items()}


def beside_a_busy_core(work: str, libraries: list[str], rounds: int) -> dict[str, float]:
    """Return, per library, its time while another process keeps one core busy over its own quiet time."""
    found: dict[str, list[float]] = {library: [] for library in libraries}
    workers = {library: Worker(library, work) for library in libraries}
    try:
        for _ in range(rounds):
            for library, worker in workers.items():
                if worker.score.failure:
                    continue
                worker.turn(keep=False)
                quiet = worker._last
                neighbour = subprocess.Popen([sys.executable, "-c", _SPIN])
                time.sleep(0.2)
                try:
                    worker.turn(keep=False)
                finally:
                    neighbour.kill()
                    neighbour.wait()
                found[library].append(worker._last / quiet)
    finally:
        for worker in workers.values():
            worker.close()
    return {library: statistics.median(ratios) for library, ratios in found.items() if ratios}


_SPIN = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
while True:
    pass
"""
