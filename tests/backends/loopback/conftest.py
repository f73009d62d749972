"""The loopback device of a test: opened, and working again at its end."""

import pytest

import rustorch


@pytest.fixture
def loopback():
    """Make `loopback:0` the default device; bring it back if the test lost it."""
    rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="it is not installed")
    with rustorch.device("loopback") as device:
        rustorch.synchronize()
        yield device
        try:
            rustorch.synchronize()
        except rustorch.DeviceLostError:
            rustorch_loopback.reset(device)
