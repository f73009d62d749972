"""How long calls take beside another backend: both in turn, medians, ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rustorch.device import Device
from rustorch.dispatch.contract import Ready
from rustorch.dispatch.opening import plugins, probe
from rustorch.dtypes import DType
from rustorch.errors import DeviceError
from rustorch.testing.conformance.calls import Call
from rustorch.testing.conformance.checks.sizes import stretched
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.conformance.sweeps import large_cases
from rustorch.testing.op_cases import dispatch_dtype

#: A call may take twice the time of the other backend for an A, four times that for a B.
ALLOWED = 2.0
_SECONDS = 0.02  # per measurement and backend, about


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median times of a call on two backends."""

    ours: float
    theirs: float

    @property
    def value(self) -> float:
        """How often as long ours takes."""
        return self.ours / max(self.theirs, 1e-12)


def best_other(device: Device) -> str:
    """Return the ready backend with the highest priority that is not this one.

    Raises:
        DeviceError: if there is none.
    """
    found = [
        b for b in plugins().backends().values() if b.name != device.type and isinstance(probe(b), Ready)
    ]
    if not found:
        raise DeviceError(
            f"grade: no other backend is ready to compare {device} with", hint="name one with --against"
        )
    return str(min(found, key=lambda b: (-b.priority, b.name)).name)


def timed_calls(
    op: str, dtype: DType, device: Device, reference: Device, *, quick: bool
) -> Iterator[tuple[str, Call]]:
    """Yield (name, call): a small one and large ones."""
    subject = Subject(op, dtype, device, reference, Selection(quick=quick))
    for case in subject.cases(1):
        yield "small", subject.typed(case)
        if subject.elementwise:
            for n in (100_000,) if quick else (100_000, 1_000_000):
                yield f"{n} elements", stretched(subject, (n,))
    for number, case in enumerate(large_cases(op, quick=quick)):
        yield f"large {number}", subject.typed(case)


def compare(call: Call, ours: Device, theirs: Device, *, rounds: int) -> Ratio:
    """Time a call on two devices in turn."""
    makers = [_Repeated(call, device) for device in (ours, theirs)]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for found, repeated in zip(times, makers, strict=True):
            found.append(repeated.seconds())
    return Ratio(*(statistics.median(found) for found in times))


class _Repeated:
    """A call that runs as often as fits into a measurement."""

    def __init__(self, call: Call, device: Device) -> None:
        self.device, self.attrs = device, call.attrs
        self.out, self.inputs = call.on(device)
        self.kernel = device.kernels[call.op][dispatch_dtype(call.op, self.out, self.inputs)]
        self.count = 1
        self.seconds()  # the first call compiles, fills caches and so on
        self.count = max(1, min(10_000, int(_SECONDS / max(self.seconds(), 1e-7))))

    def seconds(self) -> float:
        """Return the time of one call."""
        kernel, out, inputs, attrs = self.kernel, self.out, self.inputs, self.attrs
        self.device.runtime.synchronize()
        start = time.perf_counter()
        for _ in range(self.count):
            kernel(out, *inputs, **attrs)
        self.device.runtime.synchronize()
        return (time.perf_counter() - start) / self.count
