"""Errors: what a kernel must refuse is refused with the right class, and the device goes on working."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch.device import Device
from rustorch.ops.creation import tensor


def _index(device: Device, *places: int) -> Any:
    return tensor(np.array(places), device=device)


def _ones(device: Device, *shape: int) -> Any:
    return rustorch.ones(*shape, device=device)


#: op -> calls with an index that is out of range.
_OUT_OF_BOUNDS: dict[str, list[Callable[[Device], Any]]] = {
    "gather": [
        lambda d: _ones(d, 5).gather(0, _index(d, 0, 5)),
        lambda d: _ones(d, 5).gather(0, _index(d, 4, -1)),
        lambda d: _ones(d, 2, 3).gather(1, _index(d, 0, 3).reshape(2, 1)),
        lambda d: _ones(d, 0).gather(0, _index(d, 0)),
    ],
    "scatter": [
        lambda d: _ones(d, 5).scatter(0, _index(d, 5), _ones(d, 1)),
        lambda d: _ones(d, 5).scatter_add(0, _index(d, 1, 2**40), _ones(d, 2)),
    ],
    "index_select": [
        lambda d: _ones(d, 4, 3).index_select(0, _index(d, 0, 4)),
        lambda d: _ones(d, 4, 3).index_select(1, _index(d, 3)),
        lambda d: rustorch.nn.functional.embedding(_index(d, 1, 4), _ones(d, 4, 3)),
    ],
    "index_add": [lambda d: _ones(d, 4, 3).index_add(0, _index(d, 4), _ones(d, 1, 3))],
    "cross_entropy": [
        lambda d: rustorch.nn.functional.cross_entropy(_ones(d, 2, 3), _index(d, 0, 3)),
        lambda d: rustorch.nn.functional.cross_entropy(_ones(d, 2, 3), _index(d, -1, 0)),
    ],
}

#: op -> integer divisions by zero.
_BY_ZERO: dict[str, list[Callable[[Device], Any]]] = {
    "floor_divide": [
        lambda d: _index(d, 1, 2) // _index(d, 1, 0),
        lambda d: _index(d, 7) // 0,
        lambda d: _index(d, *range(1, 80)).to(rustorch.int32) // _index(d, *range(79)).to(rustorch.int32),
    ],
    "remainder": [
        lambda d: _index(d, 1, 2) % _index(d, 1, 0),
        lambda d: _index(d, 0) % 0,
        lambda d: _index(d, *range(1, 80)).to(rustorch.int32) % _index(d, *range(79)).to(rustorch.int32),
    ],
}


def _parameters(table: dict[str, list[Any]]) -> list[Any]:
    mark = pytest.mark.conformance
    return [
        pytest.param(call, marks=mark(op=op), id=f"{op}-{number}")
        for op, calls in table.items()
        for number, call in enumerate(calls)
    ]


def _refused(device: Device, error: type[Exception], call: Callable[[Device], Any]) -> None:
    """Check that a call raises, at the latest when the device is waited for, and that the device still works."""
    with pytest.raises(error):
        _finished(device, call)
    if (_ones(device, 3) + 1).tolist() != [2.0] * 3:
        pytest.fail("after the error the device computes wrong numbers")


def _finished(device: Device, call: Callable[[Device], Any]) -> None:
    call(device).tolist()
    device.runtime.synchronize()


@pytest.mark.parametrize("call", _parameters(_OUT_OF_BOUNDS))
def test_index_out_of_range(call: Callable[[Device], Any], device: Device) -> None:
    """An index out of range is an IndexError and never another element."""
    _refused(device, IndexError, call)


@pytest.mark.parametrize("call", _parameters(_BY_ZERO))
def test_integer_division_by_zero(call: Callable[[Device], Any], device: Device) -> None:
    """Dividing integers by zero is a ZeroDivisionError."""
    _refused(device, ZeroDivisionError, call)


@pytest.mark.conformance(op="errors")
def test_out_of_memory(device: Device) -> None:
    """What is larger than any memory is an OutOfMemoryError, again and again, and costs nothing."""
    before = device.runtime.memory_stats() if hasattr(device.runtime, "memory_stats") else {}
    for size in (2**50, 2**55, 2**50):
        with pytest.raises(rustorch.OutOfMemoryError):
            device.runtime.free(device.runtime.allocate(size), size)
    after = device.runtime.memory_stats() if hasattr(device.runtime, "memory_stats") else {}
    if before.get("allocated") != after.get("allocated"):
        pytest.fail(f"refused allocations are counted: {before} before, {after} after")
    if (_ones(device, 1000) * 2).sum().item() != 2000:
        pytest.fail("after the error the device computes wrong numbers")


@pytest.mark.conformance(op="errors")
def test_device_index(device: Device) -> None:
    """A device that the backend does not have is a DeviceIndexError."""
    with pytest.raises(rustorch.DeviceIndexError):
        rustorch.ones(2, device=rustorch.device(device.type, 2**20))
