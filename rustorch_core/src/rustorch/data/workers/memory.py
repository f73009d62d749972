"""Shared memory without names.

A segment is an anonymous file (``memfd_create``; where the system has none, a temporary file that is
unlinked at once), whose descriptor travels over the channel.  The kernel frees it with its last
mapping, so nothing can be left behind in /dev/shm however a process dies, and the size of /dev/shm,
small in containers, does not matter.

Segments are used again: a page that is mapped already costs nothing, a fresh one costs a fault in
the worker and one in the loader.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_GRAIN = 1 << 16  # sizes are rounded up to this, so that batches of similar size can share a segment
_SPARE = 8  # unused segments that a worker keeps
_SLACK = 4  # a segment is not used for less than this fraction of its size


@dataclass(slots=True, eq=False)
class Segment:
    """A mapped piece of shared memory."""

    number: int
    memory: mmap.mmap
    size: int

    def view(self, nbytes: int, offset: int = 0) -> Bytes:
        """Return the bytes as an array."""
        return np.frombuffer(self.memory, np.uint8, nbytes, offset)


def new_file(nbytes: int) -> int:
    """Return a descriptor of an anonymous file of this size; the caller closes it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rustorch-data", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, nbytes)
    return descriptor


def attach(descriptor: int, number: int, *, private: bool = False) -> Segment:
    """Map a file; with `private`, writing to it stays in this process."""
    size = os.fstat(descriptor).st_size
    access = mmap.ACCESS_COPY if private else mmap.ACCESS_WRITE
    return Segment(number, mmap.mmap(descriptor, size, access=access), size)


class SegmentPool:
    """A worker's segments: which there are, and which the loader is done with."""

    def __init__(self) -> None:
        self._segments: dict[int, Segment] = {}
        self._free: list[Segment] = []  # by size
        self._count = 0
        self.retired: list[int] = []  # numbers that the loader can forget; emptied by whoever tells it

    def take(self, nbytes: int) -> tuple[Segment, int | None]:
        """Return a segment of at least this size, with its descriptor if it is new (the caller closes it)."""
        for i, segment in enumerate(self._free):
            if nbytes <= segment.size <= max(_SLACK * nbytes, _GRAIN):
                return self._free.pop(i), None
        while len(self._free) >= _SPARE:
            dropped = self._free.pop(0)
            del self._segments[dropped.number]
            self.retired.append(dropped.number)
        descriptor = new_file(-(-nbytes // _GRAIN) * _GRAIN)
        try:
            segment = attach(descriptor, self._count)
        except BaseException:
            os.close(descriptor)
            raise
        self._count += 1
        self._segments[segment.number] = segment
        return segment, descriptor

    def cancel(self, taken: list[int], new: list[int]) -> None:
        """Undo some takes; the loader has not heard of the new segments."""
        for number in new:
            del self._segments[number]
        self.give_back([number for number in taken if number not in new])

    def give_back(self, numbers: list[int]) -> None:
        """Make segments free again that the loader is done with."""
        for number in numbers:
            self._free.append(self._segments[number])
        self._free.sort(key=lambda segment: segment.size)


class Loan:
    """The memory of one array of a batch; the segment goes back to its worker when the array is gone.

    NumPy keeps the object that an array's memory came from, whatever views are made of the array.
    """

    __slots__ = ("__array_interface__", "_ledger", "_segment")

    def __init__(self, segment: Segment, nbytes: int, ledger: Ledger) -> None:
        self.__array_interface__ = segment.view(nbytes).__array_interface__
        self._segment = segment
        self._ledger = ledger
        ledger.lent += 1

    def __del__(self) -> None:
        self._ledger.returned.append(self._segment.number)  # atomic: any thread may end a batch


@dataclass(slots=True)
class Ledger:
    """The loader's side of a worker's segments."""

    segments: dict[int, Segment] = field(default_factory=dict)
    returned: deque[int] = field(default_factory=deque)
    lent: int = 0

    def lend(self, number: int, nbytes: int, most: int) -> Any:
        """Return an array over a segment; a copy of it if the caller holds `most` already.

        So whoever keeps all batches of an epoch runs neither out of descriptors nor of shared memory.
        """
        segment = self.segments[number]
        if self.lent >= most:
            copied = segment.view(nbytes).copy()
            self.lent += 1
            self.returned.append(number)
            return copied
        return np.asarray(Loan(segment, nbytes, self))

    def collect(self) -> list[int]:
        """Return the numbers of the segments that came back since the last call."""
        numbers = [self.returned.popleft() for _ in range(len(self.returned))]
        self.lent -= len(numbers)
        return numbers
