"""Blocks of the cpu device amid guard bytes and full of NaN, which shows a kernel that leaves its operands."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import rustorch

GUARD = 64  # bytes on each side; keeps the alignment of the block
BYTES = 0xFF  # a NaN of every floating-point type, and -1


@contextmanager
def guarded_memory() -> Iterator[None]:
    """Guard the blocks that are allocated inside; those still in use at the end are looked at when they are freed.

    Raises:
        AssertionError: at the end, if a guard byte was written.
    """
    device = rustorch.empty(1, device="cpu").device  # opened
    allocate, free = device.allocate, device.free
    expected = bytes([BYTES]) * GUARD
    broken: list[str] = []

    def guarded_allocate(nbytes: int) -> int:
        block = allocate(nbytes + 2 * GUARD)
        ctypes.memset(block, BYTES, nbytes + 2 * GUARD)
        return block + GUARD

    def guarded_free(address: int, nbytes: int) -> None:
        for side, at in (("before", address - GUARD), ("after", address + nbytes)):
            if ctypes.string_at(at, GUARD) != expected:
                broken.append(f"bytes {side} a block of {nbytes} bytes were written")
        free(address - GUARD, nbytes + 2 * GUARD)

    device.allocate, device.free = guarded_allocate, guarded_free
    try:
        yield
    finally:
        device.allocate, device.free = allocate, free
    assert not broken, broken
