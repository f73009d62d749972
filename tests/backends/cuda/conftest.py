"""The CUDA backend's kernels, on the host: see `emulator`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rustorch
from rustorch import plugins

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests

if importlib.util.find_spec("rustorch_cuda") is None:
    collect_ignore_glob = ["*.py"]  # CuPy is large: `tox run -e cuda` installs it


@pytest.fixture(scope="session")
def on_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name of a device that runs the CUDA kernels compiled by g++."""
    import emulator

    if not emulator.available():
        pytest.skip("no g++ to compile the kernels for the host")
    plugins.register(
        emulator.EmulatedPlugin(tmp_path_factory.mktemp("kernels")), emulator.EmulatedPlugin.NAME
    )
    rustorch.device(emulator.EmulatedPlugin.NAME).info.name
    yield emulator.EmulatedPlugin.NAME
    plugins.unregister(emulator.EmulatedPlugin.NAME)
