"""How hostile the device is: from the environment, changed by `configured`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError

PREFIX = "RUSTORCH_LOOPBACK_"


@dataclass(slots=True)
class Options:
    """Every field can be set by an environment variable, e.g. ``RUSTORCH_LOOPBACK_DELAY``.

    `devices`, `memory` and `seed` take effect where a device is opened, the others at once.
    """

    devices: int = 2  # how many there are
    memory: int = 4 << 30  # bytes of each
    seed: int = 0  # of delays and layouts
    delay: float = 1e-4  # seconds: the longest wait before a piece of work
    delayed: float = 1 / 256  # the part of all work that waits
    relaid: float = 1.0  # the part of all operands that is laid out anew
    out_of_memory_at: int = 0  # the number of the allocation that fails, from 1; 0: none
    lose_device_at: int = 0  # the number of the kernel at which the device is lost, from 1; 0: none


def from_environment() -> Options:
    """Return the options that the environment sets; the others have their defaults."""
    result = Options()
    for field in fields(Options):
        text = os.environ.get(PREFIX + field.name.upper())
        if text:
            kind = type(getattr(result, field.name))
            try:
                _set(result, field.name, kind(text))
            except ValueError as error:
                raise ArgumentError(
                    f"{PREFIX}{field.name.upper()}: {kind.__name__} required, got {text!r}"
                ) from error
    return result


def _set(options: Options, name: str, value: Any) -> None:
    if name not in Options.__slots__:
        raise ArgumentTypeError(
            f"loopback: no option is called {name!r}; there are {', '.join(Options.__slots__)}"
        )
    if value < 0:
        raise ArgumentError(f"loopback: {name} must not be negative, got {value!r}")
    setattr(options, name, value)


options = from_environment()
#: Chooses layouts.
dice = random.Random(options.seed)


@contextmanager
def configured(**changes: Any) -> Iterator[Options]:
    """Change options in a ``with`` block.

    >>> import rustorch_loopback
    >>> with rustorch_loopback.configured(delay=0.002, delayed=1.0) as options:
    ...     options.delay
    0.002
    """
    before = {name: getattr(options, name) for name in Options.__slots__}
    try:
        for name, value in changes.items():
            _set(options, name, value)
        yield options
    finally:
        for name, value in before.items():
            setattr(options, name, value)
