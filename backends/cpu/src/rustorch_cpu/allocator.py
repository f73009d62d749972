"""The caching allocator: freed blocks wait in free lists by size class for the next tensor.

A fresh block costs page faults, several times the arithmetic of a large elementwise op; a reused one
costs a dictionary look-up.  `allocate` and `free` run once per op, so they are kept short.  Every
counter update is one statement without a call, which the interpreter does not interrupt.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable

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
    """Blocks of host memory, 64-byte aligned, addressed by integers.

    Attributes:
        allocate: ``allocate(nbytes) -> address`` of at least that many bytes.
        free: ``free(address, nbytes)`` keeps the block for a later request of its size class.
        empty_cache: gives all cached blocks back to the system.
        stats: counters since the start; all sizes in bytes.
    """

    __slots__ = ("allocate", "empty_cache", "free", "stats")

    def __init__(self, cache_limit: int | None = None) -> None:
        self.allocate, self.free, self.empty_cache, self.stats = _functions(
            physical_memory() // 4 if cache_limit is None else cache_limit
        )


def _functions(limit: int) -> tuple[Callable, Callable, Callable, Callable]:
    """The functions of one allocator, over counters that are plain variables: quicker than attributes."""
    allocated = peak = 0  # bytes in use, as requested
    reserved = 0  # bytes in use or cached, in size classes
    requests = misses = 0
    lists = _FreeLists()
    fresh, release, class_of, memory = (
        lib.rt_memory_allocate,
        lib.rt_memory_free,
        size_class,
        physical_memory(),
    )

    def allocate(nbytes: int) -> int:
        nonlocal allocated, peak, requests
        requests += 1
        try:
            address = lists[nbytes].pop()
        except IndexError:
            address = allocate_fresh(nbytes)
        allocated += nbytes
        peak = max(peak, allocated)
        return address

    def free(address: int, nbytes: int) -> None:
        nonlocal allocated, reserved
        allocated -= nbytes
        if reserved - allocated > limit:
            reserved -= class_of(nbytes)
            release(address)
        else:
            lists[nbytes].append(address)

    def allocate_fresh(nbytes: int) -> int:
        nonlocal misses, reserved
        misses += 1
        size = class_of(nbytes)
        # a system that overcommits would grant more than there is and kill the process when it is used
        possible = size <= memory
        address = fresh(size) if possible else 0
        if possible and not address:
            empty_cache()  # cached blocks of other sizes may make room
            address = fresh(size)
        if not address:
            raise OutOfMemoryError(
                f"cpu: {nbytes} bytes could not be allocated; {allocated} bytes are in use, "
                f"the machine has {memory}",
                hint="use smaller batches, or delete tensors that are no longer needed",
            )
        reserved += size
        return address

    def empty_cache() -> None:
        nonlocal reserved
        for size, blocks in list(lists.by_class.items()):
            while blocks:
                release(blocks.pop())
                reserved -= size

    def stats() -> dict[str, int]:
        return {
            "allocated": allocated,
            "reserved": reserved,
            "peak": peak,
            "hits": requests - misses,
            "misses": misses,
        }

    return allocate, free, empty_cache, stats
