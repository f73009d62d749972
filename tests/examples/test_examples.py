"""The examples, run as a user runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 3600  # a bound for what hangs; the slowest device is some twenty times slower than the default one


def run(name: str, *options: str, cwd: Path) -> str:
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *options],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_digits(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pytest.importorskip("matplotlib", reason="the example draws")
    printed = run("digits.py", cwd=tmp_path)
    accuracies = [float(a) for a in re.findall(r"Test accuracy.*?([\d.]+)%", printed)]
    assert len(accuracies) == 2
    assert min(accuracies) >= 97.0
    assert "it gives the same 359 predictions" in printed
    for picture in ("history.png", "confusion_matrix.png"):
        assert (tmp_path / "digits-output" / picture).read_bytes()[:4] == b"\x89PNG"


def test_swapping_hardware_keeps_the_loss_curve(tmp_path: Path) -> None:
    printed = run("swap_hardware.py", cwd=tmp_path)
    assert float(re.search(r"largest difference: (\S+);", printed)[1]) < 1e-5


def test_an_interrupted_gpt_resumes_bit_for_bit(tmp_path: Path) -> None:
    small = ("--steps", "24", "--batch", "4", "--context", "16", "--every", "8")

    def loss(*options: str) -> str:
        return re.search(r"final loss (\S+)", run("char_gpt.py", *small, *options, cwd=tmp_path))[1]

    whole = loss("--checkpoint", "whole.safetensors")
    loss("--checkpoint", "parts.safetensors", "--stop-after", "11")
    assert loss("--checkpoint", "parts.safetensors", "--resume") == whole


@pytest.mark.slow
def test_the_gpt_learns_more_than_frequencies(tmp_path: Path) -> None:
    printed = run("char_gpt.py", "--steps", "300", cwd=tmp_path)
    entropy = float(re.search(r"unigram entropy ([\d.]+)", printed)[1])
    assert float(re.search(r"final loss (\S+)", printed)[1]) < 0.75 * entropy
