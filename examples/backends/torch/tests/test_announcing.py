"""What the plugin says before and while PyTorch is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rustorch
from rustorch.plugins import Absent, Ready
from rustorch_torch.plugin import TYPES, probe, rustorch_backends


def test_announcing_imports_no_torch():
    code = (
        "import sys, rustorch; from rustorch import plugins; plugins.register(object(), 'x');"
        "names = [b.name for r in plugins.records() for b in r.backends];"
        "assert 'torch:cpu' in names and 'torch:cuda' in names, names;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_backend_per_device_type():
    assert [backend.name for backend in rustorch_backends()] == [f"torch:{kind}" for kind in TYPES]
    assert probe("cpu") == Ready(1)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "cpu"])
def test_an_absent_device_says_so(kind):
    answer = probe(kind)
    if isinstance(answer, Ready):
        pytest.skip(f"PyTorch has a {kind} device here")
    with pytest.raises(rustorch.DeviceError, match=f"backend 'torch:{kind}' cannot run here: PyTorch"):
        rustorch.ones(1, device=f"torch:{kind}")


def test_a_device_that_pytorch_does_not_know():
    assert isinstance(probe("abacus"), Absent)


def test_there_is_one_host():
    with pytest.raises(
        rustorch.DeviceError, match=r"torch:cpu:1: the backend has 1 device\(s\), got index 1"
    ):
        rustorch.ones(1, device="torch:cpu:1")
