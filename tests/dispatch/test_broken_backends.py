"""A backend that fails after it was accepted: the error names the plugin and what to do."""

import dataclasses

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


def test_numbers_kept_for_a_device_go_with_its_plugin():
    """The next backend of that name has other buffers."""
    from rustorch_reference.plugin import rustorch_kernels, rustorch_open

    class Twin:
        def __init__(self):
            self.buffers = []

        @hookimpl
        def rustorch_backends(self):
            return [BackendInfo("twin")]

        @hookimpl
        def rustorch_open(self, name):
            return rustorch_open("reference", 0) if name == "twin" else None

        @hookimpl
        def rustorch_kernels(self, name, info):
            return [self.watched(k) for k in rustorch_kernels("reference", info)] if name == "twin" else []

        def watched(self, kernel):
            def fn(out, *inputs, **attrs):
                self.buffers += [x.storage for x in inputs]
                kernel.fn(out, *inputs, **attrs)

            return dataclasses.replace(kernel, fn=fn)

    seen = []
    for _ in range(2):
        twin = Twin()
        plugins.register(twin, "x")
        try:
            x = rustorch.ones(2, device="twin")
            seen.append((x + 1234.5 * x, list(twin.buffers)))
        finally:
            plugins.unregister("x")
    first, second = (buffers for _, buffers in seen)
    assert first
    assert not {*map(id, first)} & {*map(id, second)}
