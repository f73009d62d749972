"""Settings that hold for every test; fixtures live beside the tests that use them."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A shared machine makes timings meaningless, and a check must not pass today and fail tomorrow.
settings.register_profile("rustorch", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("rustorch")


def pytest_configure(config: pytest.Config) -> None:
    """The tests run on any device: ``RUSTORCH_DEVICE=NAME pytest tests``.  This marker is for the few that cannot."""
    config.addinivalue_line(
        "markers",
        "host_memory(why): needs a device on host memory; skipped where the default device is no such",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the default device cannot do by its nature."""
    for marker in item.iter_markers("host_memory"):
        import rustorch

        device = rustorch.get_default_device()
        device.runtime.synchronize()  # opens it
        if not device.info.host_memory:
            pytest.skip(f"{device} is not on host memory: {marker.args[0]}")


@pytest.fixture(autouse=True)
def _work_ends_with_its_test() -> Iterator[None]:
    """Wait for the devices in use, so that an error of work still to be done fails the test that submitted it."""
    yield
    if "rustorch" in sys.modules:
        from rustorch.dispatch.opening import opened_devices

        for device in opened_devices():
            device.runtime.synchronize()
