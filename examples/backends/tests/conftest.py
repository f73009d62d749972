"""The tests of all backends under examples/backends run on those that are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import rustorch
from rustorch import plugins
from rustorch.errors import DeviceError

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode does not look beside the tests

STRANGERS = ("mlx", "opencl", "torch:cpu")


def usable(name: str) -> bool:
    try:
        return bool(rustorch.device(name).info.name)
    except DeviceError:
        return False


@pytest.fixture(scope="session")
def strangers() -> list[str]:
    """The strangers that are installed and can run here, two of them at least."""
    found = [name for name in STRANGERS if usable(name)]
    if len(found) < 2:
        pytest.skip(f"two backends of {', '.join(STRANGERS)} are needed, installed are {found}")
    return found


@pytest.fixture(params=STRANGERS)
def stranger(request) -> str:
    """Each stranger in turn."""
    if not usable(request.param):
        reasons = {record.name: record.reason for record in plugins.records() if record.reason}
        pytest.skip(f"backend {request.param} cannot run here; rejected plugins: {reasons}")
    return request.param
