"""Kernels at sizes 0 to 130 in every dim, of operands of every layout amid guard bytes, against the reference."""

from __future__ import annotations

import zlib

import pytest
from checking import LIMIT, Sizes, check
from families import FAMILIES

DRAWS = 24


def seed_of(name: str, number: int) -> int:
    return zlib.crc32(f"{name} {number}".encode())


@pytest.mark.parametrize("name", FAMILIES)
def test_some_sizes(name: str) -> None:
    for number in range(DRAWS):
        seed = seed_of(name, number)
        check(FAMILIES[name](Sizes(seed)), seed)


def dims_of(name: str) -> int:
    """Return how many sizes a family draws at most."""
    counts = []
    for number in range(20):
        draws = Sizes(seed_of(name, number))
        FAMILIES[name](draws)
        counts.append(draws.drawn)
    return max(counts)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dim"), [(name, dim) for name in FAMILIES for dim in range(dims_of(name))])
def test_every_size(name: str, dim: int) -> None:
    for size in range(LIMIT + 1):
        seed = seed_of(name, 1000 * dim + size)
        check(FAMILIES[name](Sizes(seed, (dim, size))), seed, every_isa=True)
