"""Shapes and strides: pure integer arithmetic, no tensors.

Shapes are interned: equal shapes are the same object and carry their element count and contiguous
strides.  A tensor whose ``strides`` *is* its ``shape.strides`` is contiguous, so the hot path
compares identities instead of tuples.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from rustorch.errors import ArgumentTypeError, OutOfBoundsError, ShapeError

Strides = tuple[int, ...]
MAX_DIMS = 64
_MAX_ELEMENTS = 2**63 - 1  # what kernels can count
_MAX_INTERNED = 1 << 16  # a bound for programs that never stop meeting new shapes


class Shape(tuple[int, ...]):
    """The sizes of a tensor: a tuple that can also be called (``x.shape()`` gives a list)."""

    elements: int  # product of the sizes
    strides: Strides  # contiguous (row-major) strides, in elements
    zeros: Strides  # as many zeros: the strides of one element shown everywhere

    def __new__(cls, sizes: Iterable[int] = ()) -> Shape:
        """Return the one object for these sizes."""
        try:
            key = tuple(sizes)
            found = _interned.get(key)
        except TypeError:
            raise ArgumentTypeError(f"shape: a sequence of integers is required, got {sizes!r}") from None
        if found is not None:
            return found
        key = _checked(key)
        self = super().__new__(cls, key)
        strides, step = [], 1
        for size in reversed(key):
            strides.append(step)
            step *= max(size, 1)
        self.strides = tuple(reversed(strides))
        self.zeros = (0,) * len(key)
        self.elements = 0 if 0 in key else step
        if len(_interned) >= _MAX_INTERNED:
            _interned.clear()
        _interned[key] = self
        return self

    def __call__(self) -> list[int]:
        """Return the sizes; so ``x.shape()`` reads as well as ``x.shape``."""
        return list(self)

    def numel(self) -> int:
        """Return the number of elements."""
        return self.elements

    def __repr__(self) -> str:
        return f"rustorch.Size({list(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Shape, (tuple(self),))


def _checked(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Return sizes met for the first time as plain integers, if tensors can have them."""
    try:
        result = tuple([int(operator.index(s)) for s in sizes])
    except TypeError:
        raise ArgumentTypeError(f"shape: sizes must be integers, got {sizes!r}") from None
    if len(result) > MAX_DIMS:
        raise ShapeError(f"shape: at most {MAX_DIMS} dims are possible, got {len(result)}")
    if any(s < 0 for s in result):
        raise ShapeError(f"shape: sizes must not be negative, got {result}")
    if math.prod([max(s, 1) for s in result]) > _MAX_ELEMENTS:
        raise ShapeError(f"shape: at most 2**63 - 1 elements are possible, got the sizes {brief(result)}")
    return result


def brief(sizes: Sequence[int]) -> str:
    """Return a text for sizes that may be absurd."""
    return f"({', '.join(str(s) if abs(s) <= _MAX_ELEMENTS else 'more than 2**63' for s in sizes)})"


_interned: dict[tuple[int, ...], Shape] = {}
SCALAR = Shape(())


def canonical_strides(shape: Shape, strides: Sequence[int]) -> Strides:
    """Return `shape.strides` itself if the strides are contiguous up to dims of size 1, else a tuple."""
    if shape.elements == 0:
        return shape.strides
    if not any(strides):
        return shape.strides if shape.elements == 1 else shape.zeros
    for size, stride, expected in zip(shape, strides, shape.strides, strict=True):
        if size != 1 and stride != expected:
            return tuple(strides)
    return shape.strides


def as_shape(op: str, sizes: Any, *, allow_minus_one: bool = False) -> tuple[int, ...]:
    """Return sizes given as an int, an iterable, or a one-element tuple holding an iterable."""
    if isinstance(sizes, int):
        sizes = (sizes,)
    elif isinstance(sizes, (tuple, list)) and len(sizes) == 1 and isinstance(sizes[0], Iterable):
        sizes = sizes[0]
    if sizes.__class__ is Shape:
        return sizes  # checked when it was made
    try:
        result = tuple(map(operator.index, sizes))
    except TypeError as error:
        raise ArgumentTypeError(f"{op}: a shape is a sequence of integers, got {sizes!r}") from error
    if result and min(result) < (-1 if allow_minus_one else 0):
        raise ShapeError(f"{op}: sizes must not be negative, got {result}")
    return result


def normalize_dim(op: str, dim: int, ndim: int) -> int:
    """Return `dim` counted from the front.  A 0-d tensor has the dims -1 and 0, as in PyTorch."""
    try:
        dim = operator.index(dim)
    except TypeError:
        raise ArgumentTypeError(f"{op}: dim must be an integer, got {type(dim).__name__}") from None
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise OutOfBoundsError(f"{op}: dim must be in [{-limit}, {limit - 1}], got {dim}")
    return dim + limit if dim < 0 else dim


def normalize_dims(op: str, dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """Return distinct dims, sorted; ``None`` or ``()`` means all."""
    if dims.__class__ is list:
        dims = tuple(dims)  # a list, but not to mypy
    try:
        return _normalize_dims(op, dims, ndim)  # type: ignore[arg-type]  # if not hashable, the error is caught
    except TypeError:  # unhashable: not a sequence of integers
        raise ArgumentTypeError(f"{op}: dim must be an integer or several, got {dims!r}") from None


@lru_cache(maxsize=4096)
def _normalize_dims(op: str, dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    if dims is None:
        return tuple(range(ndim))
    if not isinstance(dims, Iterable):
        return (normalize_dim(op, dims, ndim),) if ndim else ()
    result = sorted(normalize_dim(op, d, ndim) for d in dims)
    if len(set(result)) != len(result):
        raise ShapeError(f"{op}: dims must be distinct, got {tuple(dims)}")
    if ndim == 0:
        return ()
    return tuple(result) or tuple(range(ndim))


@lru_cache(maxsize=16384)
def broadcast_shapes(op: str, *shapes: Sequence[int]) -> Shape:
    """Return the shape that all broadcast to.

    Raises:
        ShapeError: if two sizes of one dim differ and neither is 1.
    """
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        shift = ndim - len(shape)
        for i, size in enumerate(shape, shift):
            if size != 1 and size != result[i]:
                if result[i] != 1:
                    got = " and ".join(str(tuple(s)) for s in shapes)
                    raise ShapeError(
                        f"{op}: shapes must broadcast (sizes equal or 1, aligned from the right), got {got}",
                        hint="add dims of size 1 with unsqueeze() or reshape()",
                    )
                result[i] = size
    return Shape(result)


@lru_cache(maxsize=16384)
@lru_cache(maxsize=16384)
def expanded_strides(shape: Shape, strides: Strides, target: Shape) -> Strides:
    """Return the strides that show `shape` as `target`; the shapes are known to broadcast."""
    pad = len(target) - len(shape)
    return canonical_strides(
        target,
        [0] * pad
        + [
            0 if size == 1 and wanted != 1 else stride
            for size, stride, wanted in zip(shape, strides, target[pad:], strict=True)
        ],
    )


@lru_cache(maxsize=16384)
def reduced_shape(shape: Shape, dims: tuple[int, ...], *, keepdim: bool) -> Shape:
    """Return the shape after a reduction over `dims`."""
    if keepdim:
        return Shape(1 if i in dims else s for i, s in enumerate(shape))
    return Shape(s for i, s in enumerate(shape) if i not in dims)


@lru_cache(maxsize=16384)
def infer_size(op: str, sizes: tuple[int, ...], elements: int) -> Shape:
    """Replace a single -1 by the size that keeps `elements`."""
    if -1 in sizes:
        if sizes.count(-1) > 1:
            raise ShapeError(f"{op}: only one size may be -1, got {sizes}")
        known = 1
        for s in sizes:
            known *= s if s != -1 else 1
        if known == 0 or elements % known:
            raise ShapeError(f"{op}: a tensor of {elements} elements does not fit the shape {sizes}")
        sizes = tuple(elements // known if s == -1 else s for s in sizes)
    shape = Shape(sizes)
    if shape.elements != elements:
        raise ShapeError(f"{op}: a tensor of {elements} elements does not fit the shape {sizes}")
    return shape


def view_strides(shape: Shape, strides: Strides, target: Shape) -> Strides | None:
    """Return strides that show the same memory as `target`, or None if a copy is needed.

    Runs of dims that lie evenly in memory are merged and then split again as `target` asks.
    """
    if strides is shape.strides or shape.elements == 0:
        return target.strides
    merged: list[tuple[int, int]] = []  # (size, stride) from the last dim to the first
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size == 1:
            continue
        if merged and stride == merged[-1][0] * merged[-1][1]:
            merged[-1] = (merged[-1][0] * size, merged[-1][1])
        else:
            merged.append((size, stride))
    result: list[int] = []
    run = iter(merged)
    left, stride = next(run, (1, 1))
    for size in reversed(target):
        if size == 1:
            result.append(stride)
            continue
        if left == 1:
            left, stride = next(run, (1, 1))
        if left % size:
            return None
        result.append(stride)
        left //= size
        stride *= size
    return canonical_strides(target, result[::-1])
