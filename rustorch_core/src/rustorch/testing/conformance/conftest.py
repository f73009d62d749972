"""Fixtures of the suite's tests.

A test that takes `device` grades the backend under test.  With `grade` it records case by case; a test
without it counts as one case, for the op and dtype of its marker
``@pytest.mark.conformance(op=..., dtype=...)`` or for the subject that its file is named after.
The marker's ``boot=True`` puts a test into the boot tier too, ``mode=`` into another mode.
"""

from __future__ import annotations

from typing import Any

import pytest

from rustorch.device import Device
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Refuse to run without knowing on what."""
    _session(config)


def _session(config: Any) -> Any:
    found = config.pluginmanager.get_plugin("rustorch-conformance")
    if found is None:
        raise pytest.UsageError(
            "the conformance suite needs --rustorch-backend=NAME or --rustorch-communicator=SCHEME"
        )
    return found


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """The device under test."""
    found: Device = _session(request.config).device
    return found


@pytest.fixture(scope="session")
def reference(request: pytest.FixtureRequest) -> Device:
    """The device that says what is right."""
    found: Device = _session(request.config).reference
    return found


@pytest.fixture(scope="session")
def other(request: pytest.FixtureRequest) -> Device:
    """The device that times are compared with."""
    found: Device = _session(request.config).against
    return found


@pytest.fixture(scope="session")
def communicator(request: pytest.FixtureRequest) -> str:
    """The scheme of the communicator under test."""
    found: str = _session(request.config).communicator
    return found


@pytest.fixture(scope="session")
def quick(request: pytest.FixtureRequest) -> bool:
    """Whether the short list of cases is enough."""
    found: bool = _session(request.config).selection.quick
    return found


@pytest.fixture(scope="session")
def selection(request: pytest.FixtureRequest) -> Selection:
    """The ops and dtypes that were asked for; a test that goes through ops itself asks ``selection.has``."""
    found: Selection = _session(request.config).selection
    return found


@pytest.fixture
def grade(request: pytest.FixtureRequest) -> Recorder:
    """Takes down what becomes of each case; see `Recorder`."""
    found: Recorder = _session(request.config).recorder(request.node)
    return found
