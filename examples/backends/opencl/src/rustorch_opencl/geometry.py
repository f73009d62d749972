"""From shapes and strides to the plans that kernels walk by: as few dims as possible, as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

Strides = tuple[int, ...]
RANKS = (1, 2, 4, 8)  # of the strided kernels in map.cl


class Piece(NamedTuple):
    """One launch of a program made from map.cl."""

    kernel: str
    count: int
    plan: bytes


def collapse(shape: Sequence[int], strides: Sequence[Strides]) -> tuple[list[int], list[list[int]]]:
    """Merge neighbouring dims that every operand walks evenly; drop dims of size 1.

    Returns sizes and, per operand, strides; at least one dim.

    >>> collapse((2, 3, 4), [(12, 4, 1), (0, 4, 1)])
    ([2, 12], [[12, 1], [0, 1]])
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for d, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(step[-1] == s[d] * size for step, s in zip(steps, strides, strict=True)):
            sizes[-1] *= size
            for step, s in zip(steps, strides, strict=True):
                step[-1] = s[d]
        else:
            sizes.append(size)
            for step, s in zip(steps, strides, strict=True):
                step.append(s[d])
    return (sizes, steps) if sizes else ([1], [[0] for _ in strides])


@lru_cache(maxsize=1 << 14)
def pieces(shape: Strides, strides: tuple[Strides, ...], offsets: Strides) -> tuple[Piece, ...]:
    """Return the launches that visit every place of `shape`: one, unless more than eight dims remain."""
    sizes, steps = collapse(shape, strides)
    count = 1
    for size in sizes:
        count *= size
    if len(sizes) == 1 and (count == 1 or all(step == [1] for step in steps)):
        return (Piece("dense", count, longs(count, *offsets)),)
    if len(sizes) > RANKS[-1]:
        found: list[Piece] = []
        for i in range(sizes[0]):
            moved = tuple(o + i * step[0] for o, step in zip(offsets, steps, strict=True))
            found += pieces(tuple(sizes[1:]), tuple(tuple(step[1:]) for step in steps), moved)
        return tuple(found)
    rank = next(r for r in RANKS if r >= len(sizes))
    numbers = [count, *offsets, *padded(sizes, 1, rank)]
    for step in steps:
        numbers += padded(step, 0, rank)
    return (Piece(f"strided{rank}", count, longs(*numbers)),)


def padded(values: list[int], filler: int, rank: int) -> list[int]:
    """Return `values` with leading fillers."""
    return [filler] * (rank - len(values)) + values


def longs(*numbers: int) -> bytes:
    """Return numbers as a struct of `long`."""
    return struct.pack(f"={len(numbers)}q", *numbers)
