"""The caching allocator: freed blocks wait in free lists by size class for the next tensor.

A fresh block costs page faults, several times the arithmetic of a large elementwise op; a reused one
costs a dictionary look-up.  `allocate` and `free` run once per op, so they are kept short.  Every
counter update is one statement without a call, which the interpreter does not interrupt.
"""

from __future__ import annotations

import os
from collections import defaultdict

from rustorch.errors import OutOfMemoryError
from rustorch_cpu.native import lib

GRANULE = 512  # bytes; sizes below LARGE are rounded up to a multiple
LARGE = 1 << 20  # from here on to an eighth of a power of two, so that similar sizes share blocks


def size_class(nbytes: int) -> int:
    """The number of bytes reserved for a request of `nbytes`."""
    if nbytes < LARGE:
        return (nbytes + GRANULE - 1) // GRANULE * GRANULE or GRANULE
    step = 1 << (nbytes.bit_length() - 4)
    return (nbytes + step - 1) // step * step


def physical_memory() -> int:
    """Bytes of main memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class _FreeLists(dict[int, list[int]]):
    """Requested bytes -> the list of free blocks of their size class, which its sizes share."""

    def __init__(self) -> None:
        super().__init__()
        self.by_class: defaultdict[int, list[int]] = defaultdict(list)

    def __missing__(self, nbytes: int) -> list[int]:
        blocks = self[nbytes] = self.by_class[size_class(nbytes)]
        return blocks


class CachingAllocator:
    """Blocks of host memory, 64-byte aligned, addressed by integers."""

    __slots__ = ("_free", "allocated", "cache_limit", "misses", "peak", "requests", "reserved")

    def __init__(self, cache_limit: int | None = None) -> None:
        self.cache_limit = physical_memory() // 4 if cache_limit is None else cache_limit
        self.allocated = 0  # bytes in use, as requested
        self.peak = 0
        self.reserved = 0  # bytes in use or cached, in size classes
        self.requests = 0
        self.misses = 0
        self._free = _FreeLists()

    def allocate(self, nbytes: int) -> int:
        """Return the address of at least `nbytes` bytes."""
        self.requests += 1
        self.allocated += nbytes
        if self.allocated > self.peak:  # noqa: PLR1730 - max() would be a call
            self.peak = self.allocated
        try:
            return self._free[nbytes].pop()
        except IndexError:
            return self._allocate_fresh(nbytes)

    def free(self, address: int, nbytes: int) -> None:
        """Keep the block for a later request of its size class."""
        self.allocated -= nbytes
        if self.reserved - self.allocated > self.cache_limit:
            self.reserved -= size_class(nbytes)
            lib.rt_memory_free(address)
        else:
            self._free[nbytes].append(address)

    def _allocate_fresh(self, nbytes: int) -> int:
        self.misses += 1
        size = size_class(nbytes)
        # a system that overcommits would grant more than there is and kill the process when it is used
        possible = size <= physical_memory()
        address = lib.rt_memory_allocate(size) if possible else 0
        if possible and not address:
            self.empty_cache()  # cached blocks of other sizes may make room
            address = lib.rt_memory_allocate(size)
        if not address:
            self.allocated -= nbytes
            self.peak = min(self.peak, max(self.reserved, self.allocated))  # the refused request raised it
            raise OutOfMemoryError(
                f"cpu: {nbytes} bytes could not be allocated; {self.allocated} bytes are in use, "
                f"the machine has {physical_memory()}",
                hint="use smaller batches, or delete tensors that are no longer needed",
            )
        self.reserved += size
        return address

    def empty_cache(self) -> None:
        """Give all cached blocks back to the system."""
        for size, blocks in list(self._free.by_class.items()):
            while blocks:
                lib.rt_memory_free(blocks.pop())
                self.reserved -= size

    def stats(self) -> dict[str, int]:
        """Counters since the start; all sizes in bytes."""
        return {
            "allocated": self.allocated,
            "reserved": self.reserved,
            "peak": self.peak,
            "hits": self.requests - self.misses,
            "misses": self.misses,
        }
