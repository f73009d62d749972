"""A backend that fails after it was accepted: the error names the plugin and what to do."""

import pytest

import rustorch
from rustorch import plugins
from rustorch.plugins import BackendInfo, DeviceInfo, hookimpl


class Broken:
    """A backend of the name "broken" whose answers are given as functions."""

    def __init__(self, opened, kernels=list):
        self.opened, self.kernels = opened, kernels

    @hookimpl
    def rustorch_backends(self):
        return [BackendInfo("broken")]

    @hookimpl
    def rustorch_open(self, name):
        return self.opened() if name == "broken" else None

    @hookimpl
    def rustorch_kernels(self, name):
        return self.kernels() if name == "broken" else []


class Runtime:
    def __init__(self, info=lambda: DeviceInfo("a device")):
        self.info = info


def fail():
    raise ValueError("boom")


def fail_later():
    yield None
    fail()


@pytest.mark.parametrize(
    ("plugin", "error", "text"),
    [
        (Broken(fail), rustorch.DeviceError, "device broken:0: it cannot be opened: ValueError: boom"),
        (Broken(lambda: Runtime(fail)), rustorch.DeviceError, "cannot be opened: ValueError: boom"),
        (Broken(lambda: None), rustorch.PluginError, "no plugin opened it although one announced"),
        (
            Broken(Runtime, fail),
            rustorch.PluginError,
            "plugin 'x': rustorch_kernels failed: ValueError: boom",
        ),
        (Broken(Runtime, fail_later), rustorch.PluginError, "RUSTORCH_DISABLE_PLUGINS=x"),
    ],
)
def test_the_error_names_the_plugin_and_every_use_tells_it_again(plugin, error, text):
    plugins.register(plugin, "x")
    try:
        for _ in range(2):
            with pytest.raises(error, match=text):
                rustorch.ones(2, device="broken")
        assert (rustorch.ones(2) + 1).tolist() == [2, 2]
    finally:
        plugins.unregister("x")
