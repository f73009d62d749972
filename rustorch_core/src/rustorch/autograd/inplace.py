"""History of tensors that are changed in place, and of views of them.

After ``x.mul_(2)`` the tensor's history is that of the result.  If `x` is a view, the history of
its base becomes "the old base with this part replaced", and every other view of the base gets its
history anew from it, when next asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rustorch import tape
from rustorch.base import TensorBase, view_of
from rustorch.dispatch.policy import transfer
from rustorch.dtypes import FLOAT, DType
from rustorch.errors import ArgumentTypeError, AutogradError, ShapeError
from rustorch.ops import creation, elementwise, movement
from rustorch.ops.elementwise import check_inplace
from rustorch.ops.indexing import index_add
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import Shape, Strides, as_shape, canonical_strides
from rustorch.tape import make_node, mode


def rebase(x: Any, node: Any) -> None:
    """Make `node` the history of `x`, which has just been changed in place."""
    base = x.base
    if base is None:
        x.node = node
        x.needs_grad = True
        _mark_views(x)
        return
    value = _snapshot(x)
    value.node = node
    value.needs_grad = True
    old = _snapshot(base)
    if base.strides is not base.shape.strides:
        raise AutogradError(
            "in-place: a view of a tensor that is not contiguous cannot be changed and differentiated"
        )
    geometry = {"shape": x.shape, "strides": x.strides, "offset": x.offset - base.offset}
    base.node = make_node(_replace_part, base, (old, value), geometry)
    base.needs_grad = True
    _mark_views(base)
    refresh(x)


def _mark_views(base: Any) -> None:
    base.epoch = base.epoch + 1
    for ref in base.views or ():
        view = ref()
        if view is not None:
            view.needs_grad = True


def refresh(x: Any) -> None:
    """Give a view the history that its base has now, if that changed since."""
    base = x.base
    if base is None or base.epoch == x.epoch or not base.needs_grad:
        return
    geometry = {"shape": x.shape, "strides": x.strides, "offset": x.offset - base.offset}
    x.epoch = base.epoch
    x.needs_grad = True
    x.node = make_node(as_strided_op, x, (base,), geometry)


def _snapshot(x: Any) -> Any:
    """Return another tensor object with the same elements and history."""
    copy = view_of(x, x.shape, x.strides, x.offset)
    copy.node, copy.needs_grad, copy.base, copy.epoch = x.node, x.needs_grad, x.base, x.epoch
    if x.needs_grad and x.node is None:
        # the copy of a leaf must still lead to the leaf itself
        copy.node = tape.edge_of(x)
    return copy


def _copied(x: Any) -> Any:
    """Return a copy of the elements with the history of `x`, for derivatives that need the old ones."""
    copy = x.detach().clone()
    copy.node, copy.needs_grad = tape.edge_of(x), x.needs_grad
    return copy


elementwise.rebase = rebase
tape.refresh_view = refresh


# -- parts by geometry -------------------------------------------------------------------------------


def _part_rule(x: Any, *, shape: Shape, strides: Strides, offset: int) -> movement.Geometry:
    """The elements of `x`'s memory from `offset` (counted from its first element) with these strides."""
    return shape, strides, x.offset + offset


as_strided_op = movement.View("as_strided", _part_rule, doc="A view by explicit geometry.")


def _part_vjp(g: Any, _out: Any, _x: Any, *, shape: Shape, strides: Strides, offset: int) -> Any:
    zeros = g.new_zeros(_x.shape)
    if not _overlapping(shape, strides):
        return movement.place(
            g, into=_x, where=as_strided_op, how={"shape": shape, "strides": strides, "offset": offset}
        )
    rows = np.full(tuple(shape), offset, np.int64)
    for axis, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        rows += (np.arange(size) * stride).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    index = g.new_tensor(rows.reshape(-1), dtype="int64")
    return index_add(zeros.reshape(-1), 0, index, g.reshape(-1)).reshape(_x.shape)


def _overlapping(shape: Shape, strides: Strides) -> bool:
    """Return whether two indices may name one element (dims sorted by stride must nest)."""
    reach = 1
    for stride, size in sorted((abs(s), n) for s, n in zip(strides, shape, strict=True) if n > 1):
        if stride < reach:
            return True
        reach = stride * size
    return False


as_strided_op.vjp(_part_vjp)


@public(
    samples=lambda: [
        call(array(12), (3, 4), (4, 1)),
        call(array(12), (2, 3), (2, 1), 3),
        call(array(8), (3, 4), (2, 1)),
    ]
)
def as_strided(
    input: Any, size: int | Sequence[int], stride: int | Sequence[int], storage_offset: int | None = None
) -> Any:
    """Return a view by explicit geometry, in elements of the tensor's memory.

    Raises:
        ShapeError: if the geometry would leave the tensor's storage.
    """
    shape = Shape(as_shape("as_strided", (size,)))
    steps = tuple(operator.index(s) for s in ((stride,) if isinstance(stride, int) else stride))
    offset = input.offset if storage_offset is None else operator.index(storage_offset)
    if len(steps) != len(shape):
        raise ShapeError(f"as_strided: one stride per size is required, got {len(steps)} for {tuple(shape)}")
    low = offset + sum((n - 1) * s for n, s in zip(shape, steps, strict=True) if s < 0)
    high = offset + sum((n - 1) * s for n, s in zip(shape, steps, strict=True) if s > 0)
    if shape.elements and (low < 0 or (high + 1) * input.dtype.itemsize > input.storage.nbytes):
        raise ShapeError(
            f"as_strided: size {tuple(shape)}, stride {steps}, offset {offset} leave the tensor's storage"
        )
    if input.needs_grad and input.strides is not input.shape.strides:
        raise AutogradError(
            "as_strided: a tensor that requires grad must be contiguous", hint="use contiguous()"
        )
    return as_strided_op(
        input, shape=shape, strides=canonical_strides(shape, steps), offset=offset - input.offset
    )


def _replace_rule(base: Any, _value: Any, **_geometry: Any) -> Any:
    return base.shape, base.dtype


class _ReplacePart(Op):
    """The old base with one part replaced; called only when a backward is itself differentiated."""

    dispatched = False

    def __call__(self, *operands: Any, **geometry: Any) -> Any:
        base, value = operands
        out = base.clone()
        as_strided_op(out, **geometry).copy_(value)
        return out


_replace_part = _ReplacePart("replace_part", _replace_rule, doc="Replace a part of a tensor.")
_replace_part.vjp(
    lambda g, _out, _base, _value, **geometry: _replace_part(g, g.new_zeros(geometry["shape"]), **geometry),
    lambda g, _out, _base, _value, **geometry: as_strided_op(g.contiguous(), **geometry).clone(),
)


# -- changing elements -------------------------------------------------------------------------------

_overwrite = Op(
    "overwrite", lambda x, _value: (x.shape, x.dtype), doc="Forget a tensor's elements for others."
)
_overwrite.dispatched = False  # recorded beside the kernel that writes
_overwrite.vjp(lambda g, _out, _x, _value: g.new_zeros(g.shape), lambda g, _out, _x, _value: g)


def copy_into(x: Any, source: Any) -> Any:
    """Replace the elements of `x` by a number or by a tensor that broadcasts; return `x`."""
    if not isinstance(source, (TensorBase, *elementwise.Numbers)):
        raise ArgumentTypeError(f"copy_: expected a tensor or a number, got {type(source).__name__}")
    recorded = mode.grad and (x.needs_grad or (isinstance(source, TensorBase) and source.needs_grad))
    if recorded:
        check_inplace("copy_", x)
    if not isinstance(source, TensorBase):
        creation.check_storable("copy_", source, x.dtype)
        x.device.kernels["fill"][x.dtype](
            x, value=source.item() if isinstance(source, np.generic) else source
        )
    else:
        _write(x, source)
    if not recorded:
        x.storage.version += 1
        return x
    if x.dtype.category < FLOAT:
        raise AutogradError(
            f"copy_: the source requires grad and cannot be stored in a {x.dtype.name} tensor"
        )
    before = _snapshot(x)
    node = make_node(
        _overwrite, x, (before, source if isinstance(source, TensorBase) else before.detach()), {}
    )
    x.storage.version += 1
    rebase(x, node)
    return x


def _write(x: Any, source: Any) -> None:
    if source.shape is not x.shape:
        try:
            source = movement.expand(source.detach(), x.shape)
        except ShapeError as error:
            raise ShapeError(
                f"copy_: a source of shape {tuple(source.shape)} does not broadcast to {tuple(x.shape)}"
            ) from error
    if source.device is not x.device:
        source = transfer(source, x.device)
    if source.storage is x.storage and elementwise.overlaps(x, source):
        source = source.detach().clone()
    name = "copy" if source.dtype is x.dtype else "cast"
    x.device.kernels[name][source.dtype](x, source)


def replace_by(name: str, x: Any, function: Callable[[Any], Any]) -> Any:
    """Replace the elements of `x` by ``function(x)``, of the same shape; return `x`."""
    recorded = mode.grad and x.needs_grad
    if recorded:
        check_inplace(name, x)
    result = function(_copied(x) if recorded else x)
    if result.shape != x.shape:
        raise ShapeError(
            f"{name}: the result has shape {tuple(result.shape)} and does not fit {tuple(x.shape)}"
        )
    if result.needs_grad and not recorded:
        check_inplace(name, x)
        result = function(_copied(x))  # again: what is kept for the derivative must not be overwritten
    _write(x, result.detach())
    if not result.needs_grad:
        x.storage.version += 1
        return x
    node = make_node(_overwrite, x, (x.detach(), result), {})
    x.storage.version += 1
    rebase(x, node)
    return x


def reinterpret(x: Any, dtype: DType) -> Any:
    """Return a view of the same bits as another dtype of the same size."""
    if dtype.itemsize != x.dtype.itemsize:
        raise ShapeError(f"view: {x.dtype.name} and {dtype.name} differ in size")
    result = view_of(x, x.shape, x.strides, x.offset)
    result.dtype = dtype
    result.base = x if x.base is None else x.base
    return result
