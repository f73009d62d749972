"""Memory aside: a contiguous operand of a kernel's own, given back when its work is done."""

from __future__ import annotations

from typing import Any, NamedTuple

from rustorch_cuda.program import Driver


class Element(NamedTuple):
    """What kernels read of a dtype."""

    name: str
    itemsize: int


class Aside:
    """An uninitialised operand of the shape of another one, and of its dtype if no other is given."""

    __slots__ = ("_memory", "address", "dense", "dtype", "shape", "strides")

    def __init__(self, driver: Driver, like: Any, dtype: Element | None = None) -> None:
        self.dtype = dtype or like.dtype
        self._memory = driver.scratch(like.shape.elements * self.dtype.itemsize)
        self.address = self._memory.address
        self.shape = like.shape
        self.strides = like.shape.strides
        self.dense = like.shape.elements
