"""Starting worlds of processes, and what became of the programs that they ran."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess  # a world is made of processes
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rustorch.testing.conformance.communicator_worker import CLOSING

_WORKER = "rustorch.testing.conformance.communicator_worker"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to start worlds.

    Attributes:
        scheme: of the communicator.
        launcher: a command that starts processes, with ``{world_size}`` in it; "" starts them one by one.
        timeout: what the communicator is told, in seconds.
        patience: seconds without any event, beyond the timeout, after which a world counts as hung.
        quick: whether the short list of programs runs.
    """

    scheme: str
    launcher: str = ""
    timeout: float = 10.0
    patience: float = 20.0
    quick: bool = False


@dataclass(slots=True)
class Result:
    """What became of a program: in every process "done", "failed", "unsupported" or "hung", and why."""

    events: dict[int, tuple[str, str]]

    def of(self, event: str) -> list[str]:
        """Return the texts of the processes to which this happened."""
        return [f"process {r}: {text}" for r, (what, text) in sorted(self.events.items()) if what == event]


def run_all(settings: Settings, size: int, names: Sequence[str]) -> Iterator[tuple[str, Result]]:
    """Run programs in a world, in a new one after each that fails; yield what became of each, and of the end."""
    pending = [*names, CLOSING]
    while pending:
        found, trouble = run_world(settings, size, pending[:-1])
        if not found:
            nothing = Result({0: ("failed", f"the world could not be joined: {trouble}")})
            yield from ((name, nothing) for name in pending)
            return
        for name in list(pending):
            if name not in found:
                break
            yield name, found[name]
            pending.remove(name)
            if found[name].of("failed") or found[name].of("hung"):
                break  # what others did after that means nothing


def run_world(settings: Settings, size: int, names: Sequence[str]) -> tuple[dict[str, Result], str]:
    """Run programs in one world; return what became of those that began, and what the processes complained of."""
    with tempfile.TemporaryDirectory(prefix="rustorch-world-") as folder:
        arguments = [
            sys.executable, "-m", _WORKER, settings.scheme, folder, str(_free_port()), str(settings.timeout),
            "quick" if settings.quick else "full", *names,
        ]  # fmt: skip
        with _processes(settings, size, arguments, folder) as processes:
            _watch(processes, folder, settings)
        complaints = (Path(folder) / "stderr").read_text("utf-8", "replace").strip()
        return _results(folder, size), "\n".join(complaints.splitlines()[-3:])


@contextmanager
def _processes(
    settings: Settings, size: int, arguments: list[str], folder: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start a world in a ``with`` block, after which none of its processes is left."""
    with (Path(folder) / "stderr").open("wb") as errors:
        common: dict[str, Any] = {"stdout": errors, "stderr": errors, "start_new_session": True}
        started: list[subprocess.Popen[bytes]] = []
        try:
            if settings.launcher:
                command = shlex.split(settings.launcher.format(world_size=size)) + arguments
                started.append(subprocess.Popen(command, **common))  # noqa: S603 - the user's own launcher
            else:
                for rank in range(size):
                    place = {"WORLD_SIZE": str(size), "RANK": str(rank)}
                    started.append(subprocess.Popen(arguments, env=os.environ | place, **common))  # noqa: S603 - this interpreter
            yield started
        finally:
            for process in started:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _watch(processes: list[subprocess.Popen[bytes]], folder: str, settings: Settings) -> None:
    """Wait until all processes have ended, or one has failed and the others had time to notice, or nothing happens."""
    heard, quiet_since = -1, time.monotonic()
    while any(process.poll() is None for process in processes):
        time.sleep(0.02)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        if size != heard:
            heard, quiet_since = size, time.monotonic()
        failed = any(process.poll() not in (None, 0) for process in processes)
        if time.monotonic() - quiet_since > settings.timeout + (2 if failed else settings.patience):
            return


def _results(folder: str, size: int) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for rank in range(size):
        log = Path(folder) / f"{rank}.jsonl"
        for line in log.read_text("utf-8").splitlines() if log.exists() else ():
            facts = json.loads(line)
            what = "hung" if facts["event"] == "begin" else facts["event"]
            text = facts["text"] or "did not come back"
            found.setdefault(facts["name"], Result({})).events[rank] = (what, text)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
