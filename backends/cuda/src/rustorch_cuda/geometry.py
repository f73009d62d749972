"""Spaces that kernels walk: dims merged where all operands allow it, packed as the kernels' ``Args``."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from rustorch.errors import TensorError

#: The most dims that are left after merging; ``DIMS`` in source/prelude.cuh.
MAX_DIMS = 16
_NUMBERS, _WHOLES = 4, 8


class Space(NamedTuple):
    """Sizes, and per operand a step for each of them (in elements)."""

    sizes: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """The number of places."""
        product = 1
        for size in self.sizes:
            product *= size
        return product


def merged(sizes: Sequence[int], steps: Sequence[Sequence[int]]) -> Space:
    """Return the same walk in fewer dims: those of size 1 dropped, neighbours joined where no operand jumps.

    Raises:
        TensorError: if more dims are left than a kernel can walk.
    """
    kept = [d for d, size in enumerate(sizes) if size != 1]
    out_sizes: list[int] = []
    out_steps: list[list[int]] = [[] for _ in steps]
    for d in kept:
        if out_sizes and all(
            found[-1] == step[d] * sizes[d] for found, step in zip(out_steps, steps, strict=True)
        ):
            out_sizes[-1] *= sizes[d]
            for found, step in zip(out_steps, steps, strict=True):
                found[-1] = step[d]
        else:
            out_sizes.append(sizes[d])
            for found, step in zip(out_steps, steps, strict=True):
                found.append(step[d])
    if len(out_sizes) > MAX_DIMS:
        raise TensorError(
            f"cuda: at most {MAX_DIMS} dims that cannot be merged are possible, got {len(out_sizes)}",
            hint="make the operands contiguous",
        )
    return Space(tuple(out_sizes), tuple(map(tuple, out_steps)))


_formats = {
    k: struct.Struct(f"<{2 + MAX_DIMS + k * MAX_DIMS + k}q{_NUMBERS}d{_WHOLES}qq") for k in (1, 2, 3, 4)
}


def packed(
    space: Space,
    data: Sequence[int],
    *,
    numbers: Sequence[float] = (),
    wholes: Sequence[int] = (),
    failure: int = 0,
) -> Any:
    """Return the bytes of ``Args<len(data)>``, as a ctypes buffer."""
    return _packed(len(data), space.count, space.sizes, space.steps, data, numbers, wholes, failure)


def packed_dense(
    count: int,
    data: Sequence[int],
    *,
    numbers: Sequence[float] = (),
    wholes: Sequence[int] = (),
    failure: int = 0,
) -> Any:
    """Return ``Args`` for operands that all lie in order without gaps: sizes and steps are not read."""
    return _packed(len(data), count, (), (), data, numbers, wholes, failure)


def _packed(
    operands: int,
    count: int,
    sizes: Sequence[int],
    steps: Sequence[Sequence[int]],
    data: Sequence[int],
    numbers: Sequence[float],
    wholes: Sequence[int],
    failure: int,
) -> Any:
    fields = [count, max(len(sizes), 1), *sizes, *[1] * (MAX_DIMS - len(sizes))]
    for k in range(operands):
        own = steps[k] if steps else ()
        fields += [*own, *[0] * (MAX_DIMS - len(own))]
    form = _formats[operands]
    buffer = ctypes.create_string_buffer(form.size)
    form.pack_into(
        buffer,
        0,
        *fields,
        *data,
        *numbers,
        *[0.0] * (_NUMBERS - len(numbers)),
        *wholes,
        *[0] * (_WHOLES - len(wholes)),
        failure,
    )
    return buffer
