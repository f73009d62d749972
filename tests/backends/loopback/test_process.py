"""What belongs to a process: environment, forks, the end."""

import os
import subprocess
import sys

import pytest

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")


def run(code, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],  # of a fork with threads
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_options_come_from_the_environment():
    code = (
        "import rustorch, rustorch_loopback\n"
        "rustorch.ones(1, device='loopback:2')\n"
        "print(rustorch.Device('loopback').info.total_memory)\n"
        "try: [rustorch.ones(1, device='loopback:1') for _ in range(9)]\n"
        "except rustorch.OutOfMemoryError as error: print(error)\n"
    )
    printed = run(
        code,
        RUSTORCH_LOOPBACK_DEVICES="3",
        RUSTORCH_LOOPBACK_MEMORY=str(1 << 20),
        RUSTORCH_LOOPBACK_OUT_OF_MEMORY_AT="5",
        RUSTORCH_LOOPBACK_RELAID="0",
    )
    assert printed.splitlines() == [
        str(1 << 20),
        "loopback:1: cannot allocate 4 bytes: allocation 5 was to fail",
    ]


def test_a_wrong_option_is_reported_and_breaks_nothing_else():
    code = (
        "import rustorch\n"
        "try: rustorch.ones(1, device='loopback')\n"
        "except rustorch.DeviceError as error: print(error)\n"
        "print(rustorch.ones(1, device='reference').item())\n"
    )
    printed = run(code, RUSTORCH_LOOPBACK_DELAY="soon")
    assert "RUSTORCH_LOOPBACK_DELAY: float required, got 'soon'" in printed
    assert printed.endswith("1.0\n")


def test_a_forked_process_cannot_use_the_device():
    code = (
        "import os, rustorch\n"
        "x = rustorch.ones(3, device='loopback')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try: x.tolist()\n"
        "    except rustorch.DeviceError as error: print(error, flush=True)\n"
        "    del x\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(x.tolist())\n"
    )
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    printed = run(code)
    assert (
        "loopback:0: a forked process cannot use a device that its parent opened\nHint: start processes"
        in printed
    )
    assert printed.endswith("[1.0, 1.0, 1.0]\n")


def test_a_process_may_end_with_work_under_way():
    run(
        "import rustorch\n"
        "from rustorch_loopback.options import options\n"
        "options.delay, options.delayed = 0.05, 1.0\n"
        "x = rustorch.ones(3, device='loopback')\n"
        "for _ in range(50): x = x + x\n"
    )


def test_it_is_the_default_nowhere():
    assert "loopback" not in run("import rustorch; print(rustorch.get_default_device())", RUSTORCH_DEVICE="")
