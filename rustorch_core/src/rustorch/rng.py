"""Random numbers: where a stream stands.  What the numbers are is defined by the ops.

A stream is a (seed, offset) pair for the counter-based generator Philox4x32-10 (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011).  Nothing here belongs to a device, so the
same seed gives the same numbers on every backend, and moving a model does not disturb its stream.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError

_MASK = (1 << 64) - 1
_INITIAL_SEED = 67280421310721


class Generator:
    """A stream of random numbers.

    >>> import rustorch
    >>> g = rustorch.Generator().manual_seed(0)
    >>> a = rustorch.rand((2,), generator=g)
    >>> b = rustorch.rand((2,), generator=g.manual_seed(0))
    >>> bool((a == b).all())
    True
    """

    def __init__(self, device: object = None) -> None:
        # a stream belongs to no device; the argument is accepted because PyTorch has it
        del device
        self._lock = threading.Lock()
        self._seed = _INITIAL_SEED
        self._offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` from its beginning; return self."""
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise ArgumentTypeError(f"manual_seed: an integer is required, got {type(seed).__name__}")
        if not -(1 << 63) <= seed <= _MASK:
            raise ArgumentError(f"manual_seed: a seed has 64 bits, got {seed}")
        with self._lock:
            self._seed = seed & _MASK
            self._offset = 0
        return self

    def seed(self) -> int:
        """Start the stream of a fresh seed from the operating system; return that seed."""
        chosen = int.from_bytes(os.urandom(8), "little") >> 1
        self.manual_seed(chosen)
        return chosen

    def initial_seed(self) -> int:
        """Return the seed of the stream."""
        return self._seed

    def get_state(self) -> dict[str, int]:
        """Return where the stream stands, as plain data."""
        with self._lock:
            return {"seed": self._seed, "offset": self._offset}

    def set_state(self, state: dict[str, int]) -> Generator:
        """Go to where `get_state` was; return self."""
        try:
            seed, offset = int(state["seed"]), int(state["offset"])
        except (TypeError, KeyError, ValueError) as error:
            raise ArgumentError(f"set_state: expected what get_state() returned, got {state!r}") from error
        with self._lock:
            self._seed = seed & _MASK
            self._offset = offset & _MASK
        return self

    def clone_state(self) -> Generator:
        """Return a new generator that stands at the same place."""
        return Generator().set_state(self.get_state())

    def take(self, blocks: int) -> tuple[int, int]:
        """Reserve `blocks` blocks of four 32-bit words; return (seed, first block) as signed 64-bit."""
        with self._lock:
            first = self._offset
            self._offset = (first + blocks) & _MASK
            return _signed(self._seed), _signed(first)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (self.get_state(),))


def _restore(state: dict[str, int]) -> Generator:
    return Generator().set_state(state)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; return it."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system; return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, int]:
    """Return where the default generator stands."""
    return default_generator.get_state()


def set_rng_state(state: dict[str, int]) -> None:
    """Put the default generator back to a state from :func:`get_rng_state`."""
    default_generator.set_state(state)
