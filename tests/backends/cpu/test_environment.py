"""Environment variables, each in a process of its own since they are read once."""

import os
import subprocess
import sys

import pytest


def run(code, **variables):
    return subprocess.run(
        [sys.executable, "-c", f"import rustorch; {code}"],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_number_of_threads():
    assert run("print(rustorch.get_num_threads())", RUSTORCH_NUM_THREADS="3").stdout == "3\n"


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_threads_is_an_error(wrong):
    done = run("rustorch.ones(1)", RUSTORCH_NUM_THREADS=wrong)
    assert done.returncode == 1
    assert f"RUSTORCH_NUM_THREADS must be a positive integer, got '{wrong}'" in done.stderr


def test_an_instruction_set_that_does_not_exist():
    done = run("rustorch.ones(1, device='cpu')", RUSTORCH_CPU_ISA="sse9")
    assert done.returncode == 1
    assert "got 'sse9'" in done.stderr
