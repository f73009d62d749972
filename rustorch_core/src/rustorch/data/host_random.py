"""Random choices that are made on the host: orders, picks, coin flips.

Every draw takes one block of a RusTorch generator and uses its (seed, offset) to seed NumPy's PCG64,
of which only the raw 64-bit words are used: those are fixed by NumPy's compatibility promise (NEP 19).
So an order depends on the generator alone, not on the backend, the default device or NumPy's version.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rustorch.errors import ArgumentTypeError
from rustorch.rng import Generator, default_generator

_WORD = 0xFFFFFFFF


def checked_generator(op: str, generator: Any) -> Generator | None:
    """Return the generator (None is the default one); refuse anything else."""
    if generator is not None and not isinstance(generator, Generator):
        raise ArgumentTypeError(
            f"{op}: generator must be a rustorch.Generator or None, got {type(generator).__name__}"
        )
    return generator


def _words(generator: Generator | None, count: int) -> npt.NDArray[np.uint64]:
    seed, offset = (default_generator if generator is None else generator).take(1)
    # always four 32-bit words: SeedSequence would drop leading zeros of larger integers
    entropy = [seed & _WORD, seed >> 32 & _WORD, offset & _WORD, offset >> 32 & _WORD]
    return np.asarray(np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(count), np.uint64)


def permutation(n: int, generator: Generator | None = None) -> npt.NDArray[np.int64]:
    """Return the numbers 0 to n - 1 in a uniformly random order: that of n random 64-bit keys."""
    keys = _words(generator, n)
    order = np.argsort(keys)
    ranked = keys[order]
    if np.any(ranked[1:] == ranked[:-1]):  # about n^2 / 2^65; NumPy's default sort may order ties at will
        order = np.argsort(keys, kind="stable")
    return order.astype(np.int64, copy=False)


def uniform(count: int, generator: Generator | None = None) -> npt.NDArray[np.float64]:
    """Return `count` numbers in [0, 1) with 53 random bits each."""
    fractions: npt.NDArray[np.float64] = (_words(generator, count) >> np.uint64(11)) * 2.0**-53
    return fractions


def integers(high: int, count: int, generator: Generator | None = None) -> npt.NDArray[np.int64]:
    """Return `count` integers in [0, high), each equally likely (to high / 2**53)."""
    return (uniform(count, generator) * high).astype(np.int64)


def seed_from(generator: Generator | None = None) -> int:
    """Return a 62-bit seed for another stream."""
    return int(_words(generator, 1)[0]) >> 2


def weighted(
    weights: npt.NDArray[np.float64], count: int, *, replacement: bool, generator: Generator | None = None
) -> npt.NDArray[np.int64]:
    """Return `count` indices, each drawn with a probability proportional to its weight.

    Without replacement: the smallest of exponential variables with rate w (Efraimidis and Spirakis,
    "Weighted random sampling with a reservoir", 2006).
    """
    if replacement:
        edges = np.cumsum(weights)
        picks = np.searchsorted(edges, uniform(count, generator) * edges[-1], side="right")
        last = int(np.flatnonzero(weights)[-1])  # rounding may reach the upper edge
        return np.asarray(np.minimum(picks, last), np.int64)
    with np.errstate(divide="ignore"):
        arrivals = -np.log1p(-uniform(len(weights), generator)) / weights
    arrivals[weights == 0] = np.inf  # 0 / 0
    return np.argsort(arrivals, kind="stable")[:count].astype(np.int64)
