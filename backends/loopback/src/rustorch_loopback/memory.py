"""Memory that traps: one object mapped twice, once for the device and once for whoever should not look.

The core is handed addresses in a mapping without any access rights, so that reading or writing there
ends the process.  The device's own code uses the other mapping of the same bytes.
"""

from __future__ import annotations

import bisect
import mmap
import os
import tempfile

import numpy as np

#: Mappings that trap are kept for ever: an address that once belonged to a device never means anything else.
_traps: list[mmap.mmap] = []


def why_not() -> str:
    """Return why such memory cannot be had on this system, or ""."""
    if not hasattr(mmap, "MAP_SHARED") or not hasattr(mmap, "PROT_READ"):
        return "it needs mmap with protection flags (Linux, macOS)"
    return ""


class Memory:
    """`nbytes` of memory, taken and given back in extents.  Nothing is committed before its first use."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes = -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
        descriptor = _file(nbytes)
        try:
            self._map = mmap.mmap(
                descriptor, nbytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE
            )
            trap = mmap.mmap(descriptor, nbytes, flags=mmap.MAP_SHARED, prot=0)
        finally:
            os.close(descriptor)
        _traps.append(trap)
        self.address = int(np.frombuffer(trap, np.uint8).__array_interface__["data"][0])
        self.bytes = np.frombuffer(self._map, np.uint8)
        self._free = [(0, nbytes)]  # (start, end), sorted, never touching

    def take(self, nbytes: int) -> int | None:
        """Return the start of a free extent, or None."""
        for i, (start, end) in enumerate(self._free):
            if end - start >= nbytes:
                if end - start == nbytes:
                    del self._free[i]
                else:
                    self._free[i] = (start + nbytes, end)
                return start
        return None

    def give(self, start: int, nbytes: int) -> None:
        """Take back an extent, joining it with its neighbours."""
        end = start + nbytes
        i = bisect.bisect(self._free, (start, end))
        if i < len(self._free) and self._free[i][0] == end:
            end = self._free.pop(i)[1]
        if i and self._free[i - 1][1] == start:
            start = self._free.pop(i - 1)[0]
            i -= 1
        self._free.insert(i, (start, end))

    def release(self) -> None:
        """Give the pages of all free extents back to the system."""
        if not hasattr(mmap, "MADV_REMOVE"):
            return  # macOS: they come back with the process
        for start, end in self._free:
            first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
            if first < last:
                self._map.madvise(mmap.MADV_REMOVE, first, last - first)


def _file(nbytes: int) -> int:
    """Return the descriptor of a file without a name, mostly holes."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rustorch-loopback")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, nbytes)
    return descriptor
