"""Devices made for tests: the reference backend's memory and kernels under another name, with faults on demand."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

import rustorch
from rustorch.plugins import BackendInfo, DeviceInfo, Kernel, hookimpl, register, unregister
from rustorch_reference.kernels import KERNELS
from rustorch_reference.runtime import ReferenceRuntime

COUNTED = ("allocate", "copy_from_host", "copy_to_host", "synchronize")


class Watch:
    """Is told of every call of a runtime or kernel before it happens, and may raise."""

    def __init__(self):
        self.calls = Counter()
        self.number = 0
        self.fail_at = None  # the number of the call that fails
        self.forever = False  # all calls from that number on fail
        self.error = None

    def __call__(self, what):
        self.calls[what] += 1
        self.number += 1
        if self.fail_at is not None and (
            self.number == self.fail_at or (self.forever and self.number > self.fail_at)
        ):
            raise self.error(f"injected at call {self.number}, {what}")

    def arm(self, number, error, *, forever=False):
        self.number, self.fail_at, self.error, self.forever = 0, number, error, forever

    def disarm(self):
        self.fail_at = None


class WatchedRuntime:
    """The reference runtime with its calls announced; one byte order, one memory, no host view."""

    def __init__(self, watch, *, dtypes=None, peers=False):
        self.inner = ReferenceRuntime()
        self.watch = watch
        self.dtypes = dtypes
        self.free = self.inner.free
        self.memory_stats = self.inner.memory_stats
        for name in COUNTED:
            setattr(self, name, self._announced(name))
        if peers:
            self.copy_from_peer = self._copy_from_peer

    def _announced(self, name):
        method = getattr(self.inner, name)

        def call(*args):
            self.watch(name)
            return method(*args)

        return call

    def _copy_from_peer(self, buffer, offset, runtime, source, source_offset, nbytes):
        self.watch("copy_from_peer")
        if not isinstance(runtime, WatchedRuntime):
            return False
        buffer[offset : offset + nbytes] = source[source_offset : source_offset + nbytes]
        return True

    def info(self):
        known = self.inner.info()
        return DeviceInfo(name="watched", dtypes=known.dtypes if self.dtypes is None else self.dtypes)


class Device:
    """A backend of a test: its name, its runtime and what it counts."""

    def __init__(self, name, watch, *, without=(), dtypes=None, peers=False, layout=None, extra=()):
        self.name, self.watch, self._extra = name, watch, tuple(extra)
        self._runtime = WatchedRuntime(watch, dtypes=dtypes, peers=peers)
        self._without, self._layout = frozenset(without), layout

    @hookimpl
    def rustorch_backends(self):
        return [BackendInfo(name=self.name)]

    @hookimpl
    def rustorch_open(self, name, ordinal):
        return self._runtime if name == self.name else None

    @hookimpl
    def rustorch_kernels(self, name, info):
        if name != self.name:
            return []
        return [self._kernel(k) for k in (*self._extra, *KERNELS) if k.op not in self._without]

    def _kernel(self, kernel: Kernel) -> Kernel:
        fn, watch = kernel.fn, self.watch

        def watched(out, *inputs, **attrs):
            watch(kernel.op)
            fn(out, *inputs, **attrs)

        return dataclasses.replace(
            kernel, fn=watched, layout=self._layout if self._layout and kernel.op != "copy" else kernel.layout
        )


@pytest.fixture
def make_device():
    """Return a function that registers a device for the test; it is removed at the end."""
    made = []

    def make(name, watch=None, **options):
        device = Device(name, Watch() if watch is None else watch, **options)
        register(device, name)
        made.append(name)
        return device

    yield make
    for name in made:
        unregister(name)


@pytest.fixture(autouse=True)
def _same_seed():
    rustorch.manual_seed(0)
