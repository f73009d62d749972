"""Memory: a kernel writes its whole result and nothing else, depends on its operands only, keeps none of them."""

from __future__ import annotations

import gc
import tracemalloc
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.ops.elementwise import Elementwise
from rustorch.ops.movement import View
from rustorch.testing.conformance.calls import Call
from rustorch.testing.conformance.guards import GuardedCall, guarded_call
from rustorch.testing.conformance.kernel_calls import attempts, every_op
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.references import kept
from rustorch.testing.conformance.selection import Selection


@pytest.mark.parametrize("op", every_op())
def test_bounds(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """Nothing around operands and results is written, operands stay as they are, every result is written."""
    strided_result = isinstance(registry.ops[op], Elementwise)
    for name, dtype, call in attempts(op, device, selection, 6 if selection.quick else 48):
        for step in (1, 2):
            with grade.case(op, dtype, f"{name} step {step}"):
                out_step = step if strided_result else 1
                calls = [guarded_call(call, device, i, step=step, out_step=out_step) for i in (0, 1)]
                for one in calls:
                    one.run(device)
                if fault := _fault(calls):
                    grade.wrong(fault)


def _fault(calls: list[GuardedCall]) -> str:
    """Say what two calls did wrong that differ only in what surrounds their operands, or ""."""
    for call in calls:
        for number, out in enumerate(call.outs):
            if out is not None and (where := out.changed_outside()):
                return f"result {number}: wrote outside of it: {where}"
        for number, x in enumerate(call.inputs):
            if x is not None and (where := x.changed_inside()):
                return f"operand {number}: changed it: {where}"
    for number, (first, second) in enumerate(zip(calls[0].outs, calls[1].outs, strict=True)):
        if first is None or second is None:
            continue
        different = np.flatnonzero((first.own() != second.own()).any(axis=1))
        if different.size:
            return (
                f"result {number}: {different.size} element(s), the first at {different[0]}, were not written or "
                "depend on what surrounds the operands"
            )
    return ""


@pytest.mark.parametrize("op", every_op())
def test_references(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """Operands and results are gone once nobody uses them: a kernel keeps no reference."""
    for name, dtype, call in attempts(op, device, selection, 2 if selection.quick else 8):
        with grade.case(op, dtype, f"{name} references"):
            found = kept(call, device, partial(call.run, device))
            if found:
                grade.wrong(f"the kernel keeps {', '.join(found)}")


@pytest.mark.parametrize("op", every_op())
def test_leaks(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """A call leaves neither device memory nor Python objects behind."""
    calls = 32 if selection.quick else 128
    for name, dtype, call in attempts(op, device, selection, 1 if selection.quick else 4):
        with grade.case(op, dtype, f"{name} leaks"):
            out, inputs = call.on(device)
            for _ in range(8):  # what is made once, such as tables and plans, is no leak
                call.run(device, out, inputs)
            for times in _LONGER:
                made = times * calls
                found = _growth(made, device, call, out, inputs)
                if not found.leaks(made):
                    break
            else:
                grade.wrong(
                    f"{made} calls left {found.device} bytes of device memory and {found.host} bytes of "
                    "Python objects behind"
                )


def _growth(calls: int, device: Device, call: Call, out: Any, inputs: Any) -> _Growth:
    with _Growth(device) as growth:
        for _ in range(calls):
            call.run(device, out, inputs)
    return growth


#: How many times the calls are made where there may be a leak: a pool of objects may be filling up, while a leak
#: goes on and on.
_LONGER = (1, 4, 12, 32)
#: Bytes that are no leak yet.
_SMALL = 10240


class _Growth:
    """Measures what a ``with`` block leaves allocated, in bytes.

    Device memory by the runtime's own count, where it keeps one, and by what the core asked it for.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._held = 0
        self.device = self.host = 0

    def __enter__(self) -> _Growth:
        device = self._device
        self._methods = allocate, free = device.allocate, device.free

        def counted_allocate(nbytes: int) -> Any:
            self._held += nbytes
            return allocate(nbytes)

        def counted_free(buffer: Any, nbytes: int) -> None:
            self._held -= nbytes
            free(buffer, nbytes)

        device.runtime.synchronize()
        device.allocate, device.free = counted_allocate, counted_free
        self._before = self._count()
        gc.disable()  # a collection amid the block would count garbage of others as freed
        gc.freeze()  # nor does one look through all that the run has collected by now, or it takes seconds
        tracemalloc.start()
        self._traced = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *_exc: object) -> None:
        self._device.runtime.synchronize()
        if self._grown() > _SMALL:
            gc.collect()
        gc.unfreeze()
        gc.enable()
        if self._grown() > _SMALL:
            _empty_memos()
            gc.collect()
        self.host = self._grown()
        tracemalloc.stop()
        self._device.allocate, self._device.free = self._methods
        self.device = max(self._held, self._count() - self._before)

    def _grown(self) -> int:
        return tracemalloc.get_traced_memory()[0] - self._traced

    def leaks(self, calls: int) -> bool:
        """Return whether so many calls left more than a table that grew."""
        return self.device > 0 or self.host > max(_SMALL, 64 * calls)

    def _count(self) -> int:
        stats: Any = getattr(self._device.runtime, "memory_stats", dict)()
        return int(stats.get("allocated", 0))


def _empty_memos() -> None:
    """Forget what functions remember of their last calls: such a table is bounded, but takes long to fill up."""
    for memo in gc.get_objects():
        if isinstance(memo, _Memo) and memo.cache_info().maxsize is not None:
            memo.cache_clear()
    # of a device that lays its tensors out at random views see new strides forever
    for op in registry.ops.values():
        if isinstance(op, View):
            op.known.clear()


_Memo = type(lru_cache(_empty_memos))


@pytest.mark.conformance(op="memory", dtype="float32")
def test_freed_memory_is_given_back(device: Device) -> None:
    """Tensors that come and go leave the runtime's counts where they were."""
    stats: Any = getattr(device.runtime, "memory_stats", dict)

    def work(rounds: int) -> dict[str, int]:
        for size in range(rounds):
            x = rustorch.ones(100 + size % 7, 64, device=device)
            (x @ x.t() + 1).sum()
        device.runtime.synchronize()
        del x
        return dict(stats())

    before, after = work(500), work(500)  # as many: the sizes that a device rounds to may be drawn at random
    for count in ("allocated", "reserved"):
        if after.get(count, 0) > before.get(count, 0):
            pytest.fail(
                f"{count} grew from {before[count]} to {after[count]} bytes while tensors came and went"
            )
