"""The scripts behind tox environments say what they need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parent


def run(script: str, *arguments: str, **variables: str) -> str:
    """Return what a script says when it gives up."""
    command = [sys.executable, str(TOOLS / script), *arguments]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


def test_emulation_names_the_packages_that_are_missing(tmp_path):
    said = run("emulated.py", str(tmp_path / "folder"), PATH=str(tmp_path))
    assert "aarch64-linux-gnu-gcc, qemu-aarch64, apt-get, dpkg-deb not found" in said
    assert "`apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user`" in said
    assert not (tmp_path / "folder").exists()


def test_a_sanitizer_without_a_runtime_is_refused():
    assert "no runtime is known for memory" in run("sanitized.py", RUSTORCH_CPU_SANITIZE="memory")
