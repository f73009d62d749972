"""Rounds between libraries: each in a process of its own, taking turns on the same work."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import machine
from works import WORKS

HERE = Path(__file__).resolve().parent
#: Seconds of one turn, and how many processors others may take of it before it is repeated.
TURN, TOLERATED = 0.2, 0.1
_REPETITIONS = 4
#: How often the first step is timed, each time in a fresh process; the other libraries' only once.
_STARTS = {"rustorch": 3, "torch": 3}


@dataclass
class Score:
    """What one library did in one work."""

    seconds: list[float] = field(default_factory=list)  # per call, a figure per round
    first: list[float] = field(default_factory=list)  # from a process's start to the end of the first step
    peak: int = 0  # bytes
    others: list[float] = field(default_factory=list)  # processors taken by other programs, per round
    failure: str = ""

    @property
    def median(self) -> float:
        """The median over rounds; 0 without any."""
        return statistics.median(self.seconds) if self.seconds else 0.0


class Worker:
    """A library's process, bound to as many processors as it has threads."""

    def __init__(self, library: str, threads: int) -> None:
        self.library, self.threads = library, threads
        self.score = Score()
        self.last = 0.0  # seconds of a call in the last turn
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None  # what it prints; as a pipe that nobody reads it would fill up

    def _start(self) -> subprocess.Popen[str]:
        count = str(self.threads)
        environment = os.environ | dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RUSTORCH_NUM_THREADS"), count
        )
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  # closed with the process
        processors = map(str, machine.processors(self.threads))
        return subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), self.library, count, *processors],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment | {"JAX_PLATFORMS": "cpu"},
        )

    def _ask(self, line: str) -> dict[str, Any] | None:
        """Return the answer; None, and the failure noted, if there is none."""
        process, said = self._process, self._said
        try:
            process.stdin.write(line + "\n")  # type: ignore[union-attr]  # they are there once it has started
            process.stdin.flush()  # type: ignore[union-attr]
            answer = process.stdout.readline()  # type: ignore[union-attr]
        except BrokenPipeError:
            answer = ""
        if answer:
            facts: dict[str, Any] = json.loads(answer)
        else:
            status = process.wait()  # type: ignore[union-attr]
            said.seek(0)  # type: ignore[union-attr]
            words = said.read().strip().splitlines()  # type: ignore[union-attr]
            facts = {"failure": f"exit status {status}" + (f": {words[-1]}" if words else "")}
            self.close()
        self.score.failure = facts.get("failure", "")
        return None if self.score.failure else facts

    def build(self, work: str) -> None:
        """Begin a work: one step, which is the first, then as many as tell how long one takes."""
        self.score = Score()
        starts = _STARTS.get(self.library, 1) if WORKS[work].alone else 1
        for _ in range(starts):
            if WORKS[work].alone:
                self.close()
            began = time.time()
            self._process = self._process or self._start()
            facts = self._ask(f"build {work}")
            if facts is None:
                return
            self.score.first.append(facts["ready"] - began)
        self._calls, self.last = 1, 0.0
        for seconds in (0.0, TURN / 4, TURN):  # the first calls still warm up, and would say too much
            if not self.score.failure and self.last < TURN:
                self._calls = max(1, min(100_000, int(seconds / max(self.last, 1e-7))))
                if seconds < TURN:
                    self.turn(keep=False)

    def turn(self, *, keep: bool = True) -> None:
        """Do the work for one turn; again if other programs disturbed it."""
        for attempt in range(_REPETITIONS if keep else 1):
            if self.score.failure:
                return
            time.sleep(0.005 + 0.1 * attempt)  # threads of the one before may still spin
            before, began = machine.busy_seconds(), time.perf_counter()
            facts = self._ask(f"calls {self._calls}")
            if facts is None:
                return
            elapsed = time.perf_counter() - began
            others = max(0.0, (machine.busy_seconds() - before - facts["processor"]) / elapsed)
            self.last = facts["seconds"]
            if others <= TOLERATED:
                break
        if keep:
            self.score.seconds.append(facts["seconds"])
            self.score.others.append(others)
            self.score.peak = facts["peak"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._said is not None:
            self._said.close()


class Contest:
    """Libraries that meet in one work after another.

    A process serves many works, as importing takes longer than most of them; training steps have a fresh one.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._workers: dict[str, Worker] = {}

    def _gathered(self, work: str, libraries: list[str]) -> list[Worker]:
        workers = []
        for library in libraries:
            worker = self._workers.setdefault(library, Worker(library, self._threads))
            worker.build(work)
            workers.append(worker)
        return workers

    def rounds(self, work: str, libraries: list[str], rounds: int) -> dict[str, Score]:
        """Let the libraries take turns; the order changes from round to round."""
        workers = self._gathered(work, libraries)
        for number in range(rounds):
            shift = number % len(workers)
            for worker in workers[shift:] + workers[:shift]:
                worker.turn()
        return {worker.library: worker.score for worker in workers}

    def beside_a_busy_core(self, work: str, libraries: list[str], rounds: int) -> dict[str, list[float]]:
        """Return each library's time while another process keeps one core busy over its own quiet time."""
        found: dict[str, list[float]] = {library: [] for library in libraries}
        for worker in self._gathered(work, libraries):
            for _ in range(0 if worker.score.failure else rounds):
                worker.turn(keep=False)
                quiet = worker.last
                neighbour = subprocess.Popen([sys.executable, "-c", _SPIN, str(machine.processors(1)[0])])
                time.sleep(0.3)
                try:
                    worker.turn(keep=False)
                finally:
                    neighbour.kill()
                    neighbour.wait()
                if not worker.score.failure:
                    found[worker.library].append(worker.last / quiet)
        return {library: ratios for library, ratios in found.items() if ratios}

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers.values():
            worker.close()


_SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
while True:
    pass
"""
