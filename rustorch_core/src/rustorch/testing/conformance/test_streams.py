"""Streams and events: work is done in order, waits wait, and memory serves its next user not too early.

A device without streams does all work in the order in which it is written, so the same programs hold there.
Where it has streams, a long chain of work goes before what must wait for it, so that a wait that is
missing shows.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch.device import Device

pytestmark = pytest.mark.conformance(op="streams", dtype="float32")

#: How often each race is run; a device is slow enough at least once.
_ROUNDS = 8
_LINKS = 10


@cache
def _size(device: Device) -> int:
    """Return the size of matrices whose products keep the device busy for longer than they take to submit."""
    if not hasattr(device.runtime, "new_stream"):
        return 16
    for size in (64, 256, 1024, 2048):
        x = rustorch.ones(size, size, device=device)
        for _ in range(2):  # the first time also compiles and allocates
            device.runtime.synchronize()
            start = time.perf_counter()
            x = _long(x)
            submitted = time.perf_counter() - start
            device.runtime.synchronize()
            done = time.perf_counter() - start
        if done > 2 * submitted and done > 2e-3:
            return size
        if done > 0.1:  # it does not get busier, only slower
            break
    return 64


def _ones(device: Device) -> Any:
    return rustorch.ones(_size(device), _size(device), device=device)


def _long(x: Any) -> Any:
    """Return `x`, whose elements are all 1, after a long chain of work: it has the same values."""
    for _ in range(_LINKS):
        x = x @ x / x.shape[0]
    return x


def _expect(x: Any, value: float, what: str) -> None:
    found = np.array(x.numpy(force=True))
    if not np.allclose(found, value, rtol=1e-3):
        pytest.fail(f"{what}: expected {value} everywhere, got values from {found.min()} to {found.max()}")


def _streams(device: Device) -> tuple[Any, Any]:
    return rustorch.Stream(device), rustorch.Stream(device)


def test_work_of_one_stream_is_done_in_order(device: Device) -> None:
    """In-place changes happen in the order in which they were written."""
    side = rustorch.Stream(device)
    with rustorch.stream(side):
        x = _long(_ones(device))
        for _ in range(_ROUNDS):
            x.mul_(2).add_(1)
    side.synchronize()
    _expect(x, 2.0**_ROUNDS * 2 - 1, "in-place chain")


def test_copies_to_the_host_wait(device: Device) -> None:
    """Reading a tensor gives what was computed, without any other waiting."""
    side = rustorch.Stream(device)
    for number in range(_ROUNDS):
        with rustorch.stream(side):
            _expect(_long(_ones(device)) * number, number, "copied to the host")


def test_a_stream_waits_for_an_event(device: Device) -> None:
    """What comes after ``wait_event`` sees what came before the event."""
    first, second = _streams(device)
    for number in range(1, _ROUNDS):
        with rustorch.stream(first):
            x = _ones(device)
            target = rustorch.zeros_like(x)
            target.copy_(_long(x) * number)
            done = first.record_event()
        second.wait_event(done)
        with rustorch.stream(second):
            y = target + 1
            target.record_stream(second)
            _expect(y, number + 1, "after wait_event")


def test_waiting_streams_hold_back_later_work_only(device: Device) -> None:
    """The stream that is waited for goes on: two streams may wait for each other in turn."""
    first, second = _streams(device)
    with rustorch.stream(first):
        x = _long(_ones(device))
    for _ in range(_ROUNDS):
        second.wait_stream(first)
        with rustorch.stream(second):
            x.add_(1)
        first.wait_stream(second)
        with rustorch.stream(first):
            x.add_(1)
    x.record_stream(second)
    first.synchronize()
    _expect(x, 1 + 2 * _ROUNDS, "alternating streams")


def test_events_are_reached(device: Device) -> None:
    """After waiting for an event it is reached, so is what it marks, and time has passed."""
    side = rustorch.Stream(device)
    with rustorch.stream(side):
        start = side.record_event()
        x = _long(_ones(device)) * 3
        end = side.record_event()
    end.synchronize()
    if not (start.query() and end.query()):
        pytest.fail("an event that was waited for is not reached")
    if start.elapsed_time(end) < 0:
        pytest.fail(f"time ran backwards: {start.elapsed_time(end)} ms")
    _expect(x, 3.0, "after an event")
    side.synchronize()
    deadline = time.monotonic() + 10
    while not side.query():
        if time.monotonic() > deadline:
            pytest.fail("a stream that was waited for still has work")


def test_synchronize_waits_for_all_streams(device: Device) -> None:
    """``rustorch.synchronize`` waits for the work of every stream."""
    results = []
    for number, side in enumerate(_streams(device)):
        with rustorch.stream(side):
            results.append((_long(_ones(device)) * number, side.record_event()))
    rustorch.synchronize(device)
    if not all(event.query() for _, event in results):
        pytest.fail("work of a stream is not done after synchronize")
    for number, (x, _) in enumerate(results):
        _expect(x, number, "after synchronize")


def test_host_memory_may_change_after_a_copy(device: Device) -> None:
    """A copy to the device holds what the host memory held at the call."""
    side = rustorch.Stream(device)
    for number in range(_ROUNDS):
        host = np.full(1000, number, np.float32)
        with rustorch.stream(side):
            _long(_ones(device))
            x = rustorch.zeros(1000, device=device)
            device.runtime.copy_from_host(x.storage.buffer, 0, host.view(np.uint8).data)
            host[:] = -1.0
            _expect(x, number, "copied from host memory that changed")


def test_freed_memory_is_reused_in_order(device: Device) -> None:
    """Memory that was freed while work on it was pending holds its values until that work is done."""
    side = rustorch.Stream(device)
    with rustorch.stream(side):
        for number in range(1, _ROUNDS):
            x = _long(_ones(device)) * number
            y = x + 1
            del x
            z = rustorch.full(y.shape, -5.0, device=device)  # may get the memory of x
            _expect(y, number + 1, "computed from memory freed later")
            _expect(z, -5.0, "written to memory freed before")


def test_freed_memory_waits_for_its_stream(device: Device) -> None:
    """Memory freed on one stream serves another stream only after the work that was pending on it."""
    first, second = _streams(device)
    for number in range(1, _ROUNDS):
        with rustorch.stream(first):
            x = _ones(device) * number
            y = _long(_ones(device)) * 0 + x
            del x
        with rustorch.stream(second):
            others = [rustorch.full(y.shape, -6.0, device=device) for _ in range(4)]
            _expect(others[-1], -6.0, "written on another stream")
        with rustorch.stream(first):
            _expect(y, number, "computed from memory that was freed later")


def test_record_stream_keeps_memory(device: Device) -> None:
    """Memory used on another stream is not reused before that stream is done with it."""
    first, second = _streams(device)
    for number in range(1, _ROUNDS):
        with rustorch.stream(first):
            x = _ones(device) * number
            ready = first.record_event()
        with rustorch.stream(second):
            busy = _long(_ones(device))
            second.wait_event(ready)
            y = (busy * 0) + x
            x.record_stream(second)
        del x
        with rustorch.stream(first):
            others = [rustorch.full(y.shape, -7.0, device=device) for _ in range(4)]
        with rustorch.stream(second):
            _expect(y, number, "read on a stream that was recorded")
        with rustorch.stream(first):
            _expect(others[0], -7.0, "written after a recorded stream")


def test_the_current_stream_belongs_to_the_thread(device: Device) -> None:
    """Another thread works on its own stream, whatever this one has chosen."""

    def work() -> Any:
        _expect(_long(_ones(device)) + 1, 2.0, "computed in another thread")
        return rustorch.current_stream(device).of_runtime

    with rustorch.stream(rustorch.Stream(device)), ThreadPoolExecutor(1) as pool:
        here, there = rustorch.current_stream(device).of_runtime, pool.submit(work).result()
    if hasattr(device.runtime, "new_stream") and here is there:
        pytest.fail("a stream that was made current in one thread is current in another")


def test_training_on_a_side_stream(device: Device) -> None:
    """Backward and optimizer run on the stream that is current where they are called."""
    losses = []
    for side in (None, rustorch.Stream(device)):
        rustorch.manual_seed(3)
        with device, rustorch.stream(side):
            model = rustorch.nn.Sequential(
                rustorch.nn.Linear(4, 8), rustorch.nn.Tanh(), rustorch.nn.Linear(8, 1)
            )
            optimizer = rustorch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            x = rustorch.randn(16, 4)
            for _ in range(5):
                loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.append(loss.item())
    if losses[0] != losses[1]:
        pytest.fail(f"the loss is {losses[0]} on the default stream and {losses[1]} on another")
