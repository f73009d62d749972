"""Failures by schedule: the n-th allocation finds no memory, at the n-th kernel the device is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rustorch.errors import ArgumentError
from rustorch_loopback.options import dice, options


class Schedule:
    """Counts what the devices are asked for, from when it was made.

    Attributes:
        allocations: how many allocations were asked for, the failing one included.
        kernels: how many kernels were submitted.
    """

    def __init__(self, out_of_memory_at: int = 0, lose_device_at: int = 0, device: str | None = None) -> None:
        for name, number in (("out_of_memory_at", out_of_memory_at), ("lose_device_at", lose_device_at)):
            if type(number) is not int or number < 0:
                raise ArgumentError(f"inject: {name} counts from 1, or is 0 for never; got {number!r}")
        self.out_of_memory_at = out_of_memory_at
        self.lose_device_at = lose_device_at
        self.device = device
        self.allocations = 0
        self.kernels = 0
        self._lock = threading.Lock()

    def failing_allocation(self, device: str) -> int:
        """Count an allocation; return its number if it is the one to fail, else 0."""
        if self.device not in (None, device):
            return 0
        with self._lock:
            self.allocations += 1
            return self.allocations if self.allocations == self.out_of_memory_at else 0

    def kernel_loses(self, device: str) -> bool:
        """Count a kernel; return whether the device is lost at it."""
        if self.device not in (None, device):
            return False
        with self._lock:
            self.kernels += 1
            return self.kernels == self.lose_device_at


#: In force, the one from the environment first.
active: list[Schedule] = []
if options.out_of_memory_at or options.lose_device_at:
    active.append(Schedule(options.out_of_memory_at, options.lose_device_at))


def failing_allocation(device: str) -> int:
    """Count an allocation in all schedules; return its number if one of them wants it to fail, else 0."""
    numbers = [schedule.failing_allocation(device) for schedule in active]
    return max(numbers, default=0)


def kernel_loses(device: str) -> bool:
    """Count a kernel in all schedules."""
    losses = [schedule.kernel_loses(device) for schedule in active]  # each of them counts
    return any(losses)


@contextmanager
def inject(
    *, out_of_memory_at: int = 0, lose_device_at: int = 0, device: str | None = None
) -> Iterator[Schedule]:
    """Let devices fail by schedule in a ``with`` block; count what they are asked for.

    Args:
        out_of_memory_at: the number of the allocation, from 1, that raises OutOfMemoryError; 0: none.
        lose_device_at: the number of the kernel, from 1, at which the device is lost; 0: none.  The kernel
            is not run, the call that submitted it returns, and every later one raises DeviceLostError until
            :func:`rustorch_loopback.reset`.
        device: e.g. ``"loopback:0"``; None: all of them, counted together.

    >>> import rustorch, rustorch_loopback
    >>> with rustorch_loopback.inject(out_of_memory_at=2) as seen:
    ...     x = rustorch.empty(3, device="loopback")
    ...     try:
    ...         y = rustorch.empty(3, device="loopback")
    ...     except rustorch.OutOfMemoryError as error:
    ...         print(error)
    loopback:0: cannot allocate 12 bytes: allocation 2 was to fail
    """
    dice.seed(options.seed)  # the same program then asks for the same, run after run
    schedule = Schedule(out_of_memory_at, lose_device_at, device)
    active.append(schedule)
    try:
        yield schedule
    finally:
        active.remove(schedule)
