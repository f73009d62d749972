"""Where no OpenCL platform is installed, what needs a device is skipped, with the reason."""

from __future__ import annotations

import pytest

import rustorch
from rustorch.plugins import Absent
from rustorch_opencl.plugin import probe


@pytest.fixture(scope="session")
def device():
    answer = probe()
    if isinstance(answer, Absent):
        pytest.skip(f"{answer.reason}; {answer.hint}")
    return rustorch.device("opencl")


@pytest.fixture
def runtime(device):
    rustorch.synchronize(device)
    return device.runtime
