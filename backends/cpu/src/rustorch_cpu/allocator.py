"""The caching allocator: freed blocks wait in free lists by size class for the next tensor.

A fresh block costs page faults, several times the arithmetic of a large elementwise op; a reused one
costs a dictionary look-up.  `allocate` and `free` run once per op, so they are kept short.  Every
counter update is one statement without a call, which the interpreter does not interrupt.

Where shapes change from step to step, blocks of sizes that do not come back would pile up.  So when fresh
memory is wanted while much lies idle, the cache *ages*: what has not been used since the last time is released.
Repeating steps want no fresh memory and lose nothing, and `allocate` and `free` need not know about ages.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable

from rustorch.errors import OutOfMemoryError
from rustorch_cpu.native import lib

GRANULE = 512  # bytes; sizes below MEDIUM are rounded up to a multiple
MEDIUM = 4096  # from here on to an eighth of a power of two, so that similar sizes share blocks
IDLE = 64 << 20  # bytes that may lie idle in any case, beside half of what was in use


def size_class(nbytes: int) -> int:
    """The number of bytes reserved for a request of `nbytes`: at most an eighth more, if it is not small."""
    if nbytes < MEDIUM:
        return (nbytes + GRANULE - 1) // GRANULE * GRANULE or GRANULE
    step = 1 << (nbytes.bit_length() - 4)
    return (nbytes + step - 1) // step * step


def physical_memory() -> int:
    """Bytes of main memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class _Cache:
    """Free blocks by size class, in two ages."""

    __slots__ = ("old", "young")

    def __init__(self) -> None:
        self.young: defaultdict[int, list[int]] = defaultdict(list)
        self.old: defaultdict[int, list[int]] = defaultdict(list)  # not used since the cache aged

    def take(self, size: int) -> int:
        """Remove a block of this class and return it; 0 if there is none."""
        return _pop(self.young[size]) or _pop(self.old[size])

    def age(self) -> int:
        """Release the old blocks, and call the young ones old; return the bytes released."""
        released = _release_all(self.old)
        for size, blocks in list(self.young.items()):
            while address := _pop(blocks):
                self.old[size].append(address)
        return released

    def release(self) -> int:
        """Release all blocks; return their bytes."""
        return _release_all(self.old) + _release_all(self.young)


def _pop(blocks: list[int]) -> int:
    try:
        return blocks.pop()
    except IndexError:  # also where another thread took the last
        return 0


def _release_all(lists: dict[int, list[int]]) -> int:
    released = 0
    for size, blocks in list(lists.items()):
        while address := _pop(blocks):
            lib.rt_memory_free(address, size)
            released += size
    return released


def _fresh(nbytes: int, in_use: int, make_room: Callable[[], None]) -> int:
    """Return a block from the system that is large enough for a request of `nbytes`."""
    size, memory = size_class(nbytes), physical_memory()
    if size <= memory:  # a system that overcommits would grant more, and kill the process when it is used
        if address := lib.rt_memory_allocate(size):
            return address
        make_room()  # cached blocks of other sizes
        if address := lib.rt_memory_allocate(size):
            return address
    raise OutOfMemoryError(
        f"cpu: {nbytes} bytes could not be allocated; {in_use} bytes are in use, the machine has {memory}",
        hint="use smaller batches, or delete tensors that are no longer needed",
    )


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
    allocated = 0  # bytes in use, as requested
    peak = earlier_peak = highest = (
        0  # of them: since the cache aged, before that and since it aged then, ever
    )
    reserved = 0  # bytes in use or cached, in size classes
    fresh_bytes = 0  # reserved since the cache aged
    requests = misses = 0
    cache = _Cache()
    lists: dict[int, list[int]] = {}  # requested bytes -> the young blocks of their size class

    def allocate(nbytes: int) -> int:
        nonlocal allocated, peak, requests
        requests += 1
        try:
            address = lists[nbytes].pop()
        except LookupError:  # the first request of this size, or no free block
            address = find(nbytes)
        allocated += nbytes
        if allocated > peak:  # noqa: PLR1730 - `max` costs a call
            peak = allocated
        return address

    def free(address: int, nbytes: int) -> None:
        nonlocal allocated, reserved
        allocated -= nbytes
        if reserved - allocated > limit:
            size = size_class(nbytes)
            reserved -= size
            lib.rt_memory_free(address, size)
        else:
            lists[nbytes].append(address)

    def find(nbytes: int) -> int:
        nonlocal misses, reserved, fresh_bytes
        size = size_class(nbytes)
        lists[nbytes] = cache.young[size]
        if address := cache.take(size):
            return address
        misses += 1
        if reserved + size > 1.5 * max(peak, earlier_peak) + IDLE and fresh_bytes > peak / 4:
            age()
        address = _fresh(nbytes, allocated, empty_cache)
        reserved += size
        fresh_bytes += size
        return address

    def age() -> None:
        nonlocal reserved, peak, earlier_peak, highest, fresh_bytes
        released = cache.age()
        reserved -= released
        highest = max(highest, peak)
        earlier_peak, peak, fresh_bytes = peak, allocated, 0

    def empty_cache() -> None:
        nonlocal reserved
        released = cache.release()
        reserved -= released

    def stats() -> dict[str, int]:
        return {
            "allocated": allocated,
            "reserved": reserved,
            "peak": max(highest, peak),
            "hits": requests - misses,
            "misses": misses,
        }

    return allocate, free, empty_cache, stats
