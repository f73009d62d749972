"""Elements of tensors as bytes, moved by a device's runtime alone.

What examines kernels must not lean on them: nothing here calls one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.base import allocate, view_of
from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.shape import Shape

#: Bytes of known content on both sides of a guarded operand: a multiple of every itemsize and of a cache line.
ZONE = 256


def extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, int]:
    """Return the first element's place above the lowest one, and the number of elements from lowest to highest."""
    if 0 in shape:
        return 0, 0
    steps = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    below = -sum(step for step in steps if step < 0)
    return below, below + sum(step for step in steps if step > 0) + 1


def read_span(x: Any) -> np.ndarray[Any, Any]:
    """Return the memory from the lowest to the highest element of a view, as a flat array of its dtype."""
    below, count = extent(x.shape, x.strides)
    size = x.dtype.itemsize
    staged = np.empty(count * size, np.uint8)
    if count:
        x.device.runtime.copy_to_host(staged.data, x.storage.buffer, (x.offset - below) * size)
    return staged.view(x.dtype.numpy)


def write_span(x: Any, span: np.ndarray[Any, Any]) -> None:
    """Put back what `read_span` returned."""
    below, count = extent(x.shape, x.strides)
    if count:
        source = np.ascontiguousarray(span).view(np.uint8).data
        x.device.runtime.copy_from_host(x.storage.buffer, (x.offset - below) * x.dtype.itemsize, source)


def seen(
    span: np.ndarray[Any, Any], shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """Return the elements of a span in the order that shape and strides say; shares its memory."""
    below, count = extent(shape, strides)
    if not count:
        return np.empty(shape, span.dtype)
    steps = [s * span.dtype.itemsize for s in strides]
    return np.lib.stride_tricks.as_strided(span[below:], shape, steps)


def read(x: Any) -> np.ndarray[Any, Any]:
    """Return a copy of the elements."""
    return np.array(seen(read_span(x), tuple(x.shape), tuple(x.strides)))


def made(
    values: np.ndarray[Any, Any],
    dtype: DType,
    device: Device,
    strides: tuple[int, ...] | None = None,
    offset: int = 0,
) -> Any:
    """Return a tensor with these values; its elements lie as `strides` say (repeated ones where a stride is 0)."""
    shape = Shape(values.shape)
    steps: Any = (
        shape.strides if strides is None or tuple(strides) == tuple(shape.strides) else tuple(strides)
    )
    below, count = extent(shape, steps)
    whole = allocate(Shape((offset + count,)), dtype, device)
    x = view_of(whole, shape, steps, offset + below)
    span = np.zeros(count, dtype.numpy)
    if count:
        seen(span, tuple(shape), tuple(steps))[...] = values
    write_span(x, span)
    return x


class Guarded:
    """A stand-in for an operand: the same geometry and content, with zones of known content around it.

    A zone holds NaN, or -1 in integers: what reads it gives itself away as what writes it does.

    Args:
        x: the operand.
        poison: fill its elements with the same, so that one which a kernel forgets to write does not keep
            a plausible value.

    Attributes:
        view: what a kernel gets in the operand's place.
        elements: what the operand held.
    """

    def __init__(self, x: Any, *, poison: bool = False) -> None:
        below, count = extent(x.shape, x.strides)
        size = x.dtype.itemsize
        zone = ZONE // size
        self.target = x
        self._whole = allocate(Shape((count + 2 * zone,)), x.dtype, x.device)
        self.view = view_of(self._whole, x.shape, x.strides, zone + below)
        self.view.needs_grad = x.needs_grad
        self._before = read_span(x)
        self.elements = np.array(seen(self._before, tuple(x.shape), tuple(x.strides)))
        if poison and count:
            poisoned = np.full(size, 0xFF, np.uint8).view(x.dtype.numpy)
            seen(self._before, tuple(x.shape), tuple(x.strides))[...] = poisoned
        content = np.full(count * size + 2 * ZONE, 0xFF, np.uint8)
        content[ZONE:-ZONE] = self._before.view(np.uint8)
        x.device.runtime.copy_from_host(self._whole.storage.buffer, 0, content.data)

    def _look(self) -> tuple[np.ndarray[Any, Any], str]:
        found = read_span(self._whole).view(np.uint8)
        size = self.target.dtype.itemsize
        outside = ""
        for name, zone in (("before", found[:ZONE]), ("behind", found[-ZONE:])):
            changed = np.flatnonzero(zone != 0xFF) // size
            if changed.size:
                near = ZONE // size - changed[-1] if name == "before" else changed[0] + 1
                outside = f"element {near} {name} it was written"
        return np.array(found[ZONE:-ZONE]).view(self.target.dtype.numpy), outside

    def result(self) -> tuple[np.ndarray[Any, Any], str]:
        """Copy what was written to the operand; return its elements, and what was written elsewhere or ""."""
        x = self.target
        span, outside = self._look()
        write_span(x, span)
        shape, strides = tuple(x.shape), tuple(x.strides)
        kept = np.array(self._before)
        if kept.size:
            seen(kept, shape, strides)[...] = seen(span, shape, strides)
        if not outside and not np.array_equal(kept.view(np.uint8), span.view(np.uint8)):
            outside = "an element between its own was written"
        return np.array(seen(span, shape, strides)), outside

    def untouched(self) -> str:
        """Return what was written to an operand that is only read, or ""."""
        span, outside = self._look()
        if outside:
            return outside
        changed = np.flatnonzero(span.view(np.uint8) != self._before.view(np.uint8)) // span.dtype.itemsize
        if not changed.size:
            return ""
        place, old, new = changed[0], self._before[changed[0]], span[changed[0]]
        return f"its element at {place} was changed from {old} to {new}"
