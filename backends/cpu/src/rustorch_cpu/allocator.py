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


class CachingAllocator:
    """Blocks of host memory, 64-byte aligned, addressed by integers."""

    __slots__ = ("allocated", "cache_limit", "misses", "peak", "requests", "reserved", "_free")

    def __init__(self, cache_limit: int | None = None) -> None:
        self.cache_limit = physical_memory() // 4 if cache_limit is None else cache_limit
        self.allocated = 0  # bytes in use, in size classes
        self.peak = 0
        self.reserved = 0  # bytes in use or cached
        self.requests = 0
        self.misses = 0
        self._free: defaultdict[int, list[int]] = defaultdict(list)

    def allocate(self, nbytes: int) -> int:
        """Return the address of at least `nbytes` bytes."""
        size = (nbytes + 511) & -512 if 0 < nbytes < LARGE else size_class(nbytes)
        self.requests += 1
        self.allocated += size
        if self.allocated > self.peak:
            self.peak = self.allocated
        try:
            return self._free[size].pop()
        except IndexError:
            return self._allocate_fresh(size, nbytes)

    def free(self, address: int, nbytes: int) -> None:
        """Keep the block for a later request of its size class."""
        size = (nbytes + 511) & -512 if 0 < nbytes < LARGE else size_class(nbytes)
        self.allocated -= size
        if self.reserved - self.allocated > self.cache_limit:
            self.reserved -= size
            lib.rt_memory_free(address)
        else:
            self._free[size].append(address)

    def _allocate_fresh(self, size: int, nbytes: int) -> int:
        self.misses += 1
        address = lib.rt_memory_allocate(size)
        if not address:
            self.empty_cache()  # cached blocks of other sizes may make room
            address = lib.rt_memory_allocate(size)
        if not address:
            self.allocated -= size
            raise OutOfMemoryError(
                f"cpu: {nbytes} bytes could not be allocated; {self.allocated} bytes are in use, "
                f"the machine has {physical_memory()}",
                hint="use smaller batches, or delete tensors that are no longer needed",
            )
        self.reserved += size
        return address

    def empty_cache(self) -> None:
        """Give all cached blocks back to the system."""
        for size, blocks in list(self._free.items()):
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
