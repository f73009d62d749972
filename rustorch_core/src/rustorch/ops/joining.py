"""Putting tensors together: end to end, as a new dim, repeated, rolled."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase, allocate, view_of
from rustorch.dtypes import promote
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.ops.movement import (
    clone,
    expand,
    flatten,
    narrow,
    reshape,
    unsqueeze,
)
from rustorch.ops.op import Op, common_device
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape, as_shape, canonical_strides, normalize_dim
from rustorch.tape import mode, record

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


class _Concatenate(Op):
    """Joins any number of operands along one dim."""

    dispatched = False

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        dim = attrs["dim"]
        first = operands[0]
        shape, dtype = self.rule(*operands, dim=dim)
        out = allocate(shape, dtype, first.device)
        offset = 0
        copy = first.device.kernels["copy"][dtype]
        for x in operands:
            copy(view_of(out, x.shape, canonical_strides(x.shape, out.strides), offset), x)
            offset += x.shape[dim] * out.strides[dim]
        if mode.grad and any(x.needs_grad for x in operands):
            record(self, out, operands, attrs)
        return out


def _cat_rule(*operands: Any, dim: int) -> tuple[Shape, Any]:
    first = operands[0].shape
    total = 0
    for x in operands:
        if x.shape is not first and (
            len(x.shape) != len(first)
            or any(a != b for i, (a, b) in enumerate(zip(x.shape, first, strict=True)) if i != dim)
        ):
            shapes = ", ".join(str(tuple(y.shape)) for y in operands)
            raise ShapeError(f"cat: shapes must be equal outside of dimension {dim}, got {shapes}")
        total += x.shape[dim]
    return Shape((*first[:dim], total, *first[dim + 1 :])), operands[0].dtype


_cat = _Concatenate("cat", _cat_rule, doc="Join along a dim.")


def _cat_vjp(g: Any, _out: Any, *_xs: Any, needs: Sequence[bool], dim: int) -> list[Any]:
    grads, start = [], 0
    for x, need in zip(_xs, needs, strict=True):
        grads.append(narrow(g, dim, start, x.shape[dim]) if need else None)
        start += x.shape[dim]
    return grads


_cat.joint_vjp(_cat_vjp)


@public(
    method=False,
    aliases=("concat", "concatenate"),
    samples=lambda: [
        call([array(2, 3), array(4, 3)]),
        call((array(2, 3), array(2, 1)), 1),
        call([array(3), array(0)]),
    ],
)
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return the tensors joined along an existing dim; other sizes must be equal."""
    given = list(tensors)
    if not given:
        raise ArgumentError("cat: at least one tensor is required")
    for x in given:
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"cat: expected tensors, got {type(x).__name__}")
        if not x.shape:
            raise ShapeError("cat: 0-d tensors cannot be joined", hint="use stack()")
    # PyTorch lets empty 1-d tensors join anything
    given = [x for x in given if tuple(x.shape) != (0,)] or given[:1]
    dtype = _common_dtype(given)
    given = [x if x.dtype is dtype else x.to(dtype) for x in given]
    _same_device("cat", given)
    result = _cat(*given, dim=normalize_dim("cat", dim, len(given[0].shape)))
    return result if out is None else out.copy_(result)


def _common_dtype(tensors: Sequence[Any]) -> Any:
    return promote([x.dtype for x in tensors])


def _same_device(name: str, tensors: Sequence[Any]) -> None:
    common_device(name, tensors)


@public(
    method=False,
    samples=lambda: [call([array(2, 3), array(2, 3)]), call((array(3), array(3)), -1), call([array()])],
)
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return the tensors, all of one shape, joined along a new dim."""
    given = list(tensors)
    if not given:
        raise ArgumentError("stack: at least one tensor is required")
    if not all(isinstance(x, TensorBase) for x in given):
        raise ArgumentTypeError(
            f"stack: expected tensors, got {', '.join(sorted({type(x).__name__ for x in given}))}"
        )
    shapes = {tuple(x.shape) for x in given}
    if len(shapes) > 1:
        raise ShapeError(f"stack: shapes must be equal, got {', '.join(map(str, sorted(shapes)))}")
    return cat(
        [unsqueeze(x, dim) for x in given], dim if dim >= 0 else dim + len(given[0].shape) + 1, out=out
    )


@public(method=False, samples=lambda: [call([array(3), array(3)]), call([array(2, 3), array(1, 3)])])
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors stacked as rows."""
    return cat([x if len(x.shape) > 1 else reshape(x, (1, -1)) for x in tensors])


@public(method=False, samples=lambda: [call([array(3), array(2)]), call([array(2, 3), array(2, 1)])])
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined as columns; vectors end to end."""
    flat = [reshape(x, (1,)) if not x.shape else x for x in tensors]
    if not flat:
        raise ArgumentError("hstack: at least one tensor is required")
    return cat(flat, 0 if len(flat[0].shape) == 1 else 1)


@public(samples=lambda: [call(array(2, 3), (2, 1)), call(array(3), (2, 3)), call(array(), (2,))])
def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """Return the tensor repeated `sizes` times along each dim, new dims in front."""
    times = as_shape("repeat", sizes)
    if len(times) < len(input.shape):
        raise ShapeError(f"repeat: at least {len(input.shape)} numbers are required, got {times}")
    padded = reshape(input, (1,) * (len(times) - len(input.shape)) + tuple(input.shape))
    spread = reshape(padded, [s for size in padded.shape for s in (1, size)])
    grown = expand(spread, [s for pair in zip(times, padded.shape, strict=True) for s in pair])
    return clone(reshape(grown, [n * size for n, size in zip(times, padded.shape, strict=True)]))


@public(samples=lambda: [call(array(2, 3), (2, 1)), call(array(2, 3), (2,))])
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Return the tensor repeated as NumPy's tile does: missing counts in front are 1."""
    times = as_shape("tile", dims)
    return repeat(input, (1,) * (len(input.shape) - len(times)) + times)


@public(samples=lambda: [call(array(2, 3), 2), call(array(2, 3), 3, 1)])
def repeat_interleave(input: Tensor, repeats: int | Tensor, dim: int | None = None) -> Tensor:
    """Return every element repeated in place, `repeats` times (a number, or one per element)."""
    x = reshape(input, (-1,)) if dim is None else input
    axis = normalize_dim("repeat_interleave", 0 if dim is None else dim, len(x.shape))
    if isinstance(repeats, TensorBase):
        counts = [int(n) for n in repeats.expand((x.shape[axis],)).tolist()]
        picks = [i for i, n in enumerate(counts) for _ in range(n)]
        return x.index_select(axis, x.new_tensor(picks, dtype="int64"))
    if repeats < 0:
        raise ArgumentError(f"repeat_interleave: repeats must not be negative, got {repeats}")
    grown = expand(unsqueeze(x, axis + 1), [*x.shape[: axis + 1], repeats, *x.shape[axis + 1 :]])
    return clone(flatten(grown, axis, axis + 1))


@public(samples=lambda: [call(array(5), 2), call(array(3, 4), 1, 1), call(array(3, 4), (1, -1), (0, 1))])
def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Return the tensor with its elements shifted around along `dims` (flattened if None)."""
    if dims is None:
        return reshape(roll(reshape(input, (-1,)), shifts, 0), input.shape)
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(steps) != len(axes):
        raise ArgumentError(f"roll: one shift per dim is required, got {len(steps)} for {len(axes)} dims")
    if not input.shape:
        return clone(input)
    for shift, d in zip(steps, axes, strict=True):
        axis = normalize_dim("roll", d, len(input.shape))
        size = input.shape[axis]
        cut = (size - operator.index(shift)) % size if size else 0
        input = cat([narrow(input, axis, cut, size - cut), narrow(input, axis, 0, cut)], axis)
    return clone(input)
