"""Wrong calls run in a process of their own, so that a crash is a finding as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SECONDS = 300


@pytest.fixture
def wrong_calls(tmp_path: Path) -> Callable[..., None]:
    """Return a function that makes the wrong calls of one part of a suite and fails if one ends badly."""
    if sys.platform == "win32":
        pytest.skip("limits of memory and time per call are POSIX")
    progress = tmp_path / "progress"

    def check(suite: str, part: int = 0, parts: int = 1, *, share: float = 1.0) -> None:
        worker = Path(__file__).with_name("worker.py")
        command = [sys.executable, str(worker), suite, str(part), str(parts), str(share), str(progress)]
        environment = os.environ | {"RUSTORCH_DEVICE": "cpu"}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
        )
        last = done.stdout.rpartition("REPORT")[2] if "REPORT" in done.stdout else ""
        if done.returncode or not last:
            call = progress.read_text().strip() if progress.exists() else "starting"
            pytest.fail(f"the process ended with {done.returncode} in the call {call}\n{done.stderr[-3000:]}")
        report = json.loads(last)
        assert report["count"] > 0
        assert not report["found"], "\n".join(report["found"][:50])

    return check
