"""``x[...]`` and ``x[...] = value``: basic indexing gives views, index and mask tensors copies."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.autograd import inplace
from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, OutOfBoundsError, ShapeError
from rustorch.ops import creation
from rustorch.ops.indexing import masked_select, put_rows, take_rows
from rustorch.ops.movement import _select_rule, permute, select, slice_dim, unsqueeze


def get_item(x: Any, index: Any) -> Any:
    """Return ``x[index]``."""
    if x.shape:  # the most frequent ones
        if index.__class__ is int:
            size = x.shape[0]
            if -size <= index < size:
                return _select_rule(x, dim=0, index=index % size)
        elif index.__class__ is slice:
            return slice_dim(x, 0, _normalized(index, x))
        elif index.__class__ is tuple and len(index) <= len(x.shape) and _is_plain(index):
            view = _plain(x, index)
            return view if view is not x else _alias(x)
        elif isinstance(index, TensorBase) and index.dtype is dtypes.bool_ and index.shape == x.shape:
            return masked_select(x, index.to(x.device))
    view, advanced = _basic(x, index)
    if not advanced:
        return view if view is not x else _alias(x)
    order, tensors, front = _arranged(view, advanced)
    moved = view if order == list(range(len(order))) else permute(view, order)
    result = take_rows(moved, tensors, [source for _, _, source in advanced])
    return _restored(result, front, len(order) - len(tensors))


def set_item(x: Any, index: Any, value: Any) -> None:
    """Perform ``x[index] = value``."""
    if (
        isinstance(index, TensorBase)
        and index.dtype is dtypes.bool_
        and index.shape == x.shape
        and _is_number(value)
    ):
        inplace.replace_by("setitem", x, lambda whole: whole.masked_fill(index, value))
        return
    view, advanced = _basic(x, index)
    if not advanced:
        inplace.copy_into(view if view is not x else x, _fitting(value, view))
        return
    order, tensors, front = _arranged(view, advanced)
    back = sorted(range(len(order)), key=order.__getitem__)
    sources = [number for _, _, number in advanced]
    source = _as_operand(value, x)

    def put(whole: Any) -> Any:
        moved = permute(whole, order)
        shape = _index_shape(tensors)
        rest = moved.shape[len(tensors) :]
        given = _moved_value(source, shape, rest, front)
        return permute(put_rows(moved, tensors, given, sources, accumulate=False), back)

    inplace.replace_by("setitem", view, put)


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.generic))


def _as_operand(value: Any, like: Any) -> Any:
    if isinstance(value, TensorBase):
        return value.to(like.dtype)
    return creation.tensor(value, dtype=like.dtype, device=like.device)


def _fitting(value: Any, view: Any) -> Any:
    """Return the value as copy_ takes it; leading dims of size 1 may be dropped, as in PyTorch."""
    if not isinstance(value, TensorBase):
        return value if _is_number(value) else creation.tensor(value, dtype=view.dtype, device=view.device)
    while len(value.shape) > len(view.shape) and value.shape[0] == 1:
        value = select(value, 0, 0)  # type: ignore[arg-type]
    return value


def _alias(x: Any) -> Any:
    return slice_dim(x, 0, slice(None)) if x.shape else permute(x, ())


def _is_plain(index: tuple[Any, ...]) -> bool:
    """Return whether there are integers and slices only, the latter by integers."""
    for part in index:
        if part.__class__ is slice:
            for bound in (part.start, part.stop, part.step):
                if bound is not None and bound.__class__ is not int:
                    return False
        elif part.__class__ is not int:
            return False
    return True


def _plain(x: Any, index: tuple[Any, ...]) -> Any:
    view, dim = x, 0
    for source, part in enumerate(index):
        if part.__class__ is int:
            view = _select_rule(view, dim=dim, index=_position(part, view.shape[dim], source))
        else:
            if part.start is not None or part.stop is not None or part.step is not None:
                view = slice_dim(view, dim, part)
            dim += 1
    return view


def _position(index: int, size: int, source: int) -> int:
    """Return an index that may count from the end as one that does not; `source` is the dim that it is for."""
    if not -size <= index < size:
        raise OutOfBoundsError(
            f"indexing: index {index} is out of bounds for dimension {source} with size {size}"
        )
    return index % size


# -- the parts of an index ---------------------------------------------------------------------------


def _basic(x: Any, index: Any) -> tuple[Any, list[tuple[int, Any, int]]]:  # noqa: C901, PLR0912 - one branch per kind of index
    """Apply integers, slices, None and ... as views.

    Returns:
        the view, and per index tensor (dim of the view, index tensor, dim of `x`).
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [_normalized(p, x) for p in parts]
    used = sum(_dims_used(p) for p in parts)
    if sum(p is Ellipsis for p in parts) > 1:
        raise ArgumentTypeError("indexing: only one ellipsis ('...') is allowed")
    if used > len(x.shape):
        raise OutOfBoundsError(f"indexing: a tensor of {len(x.shape)} dims cannot take {used} indices")
    view, dim, source = x, 0, 0  # `source` counts the dims of x, `dim` those of the view
    advanced: list[tuple[int, Any, int]] = []
    for part in parts:
        if part is Ellipsis:
            dim += len(x.shape) - used
            source += len(x.shape) - used
        elif part is None:
            view = unsqueeze(view, dim)
            dim += 1
        elif isinstance(part, slice):
            if part != slice(None):
                view = slice_dim(view, dim, part)
            dim += 1
            source += 1
        elif isinstance(part, int):
            view = _select_rule(view, dim=dim, index=_position(part, view.shape[dim], source))
            source += 1
        elif part.dtype is dtypes.bool_:
            here = tuple(view.shape[dim : dim + len(part.shape)])
            if here != tuple(part.shape):
                raise OutOfBoundsError(
                    f"indexing: the mask's shape must equal the dims that it covers, got {tuple(part.shape)} for {here}"
                )
            if not part.shape:
                view = unsqueeze(view, dim)
                advanced.append(
                    (dim, creation.tensor([0] * int(bool(part)), dtype=dtypes.int64, device=x.device), source)
                )
                dim += 1
            for column in part.nonzero(as_tuple=True) if part.shape else ():
                advanced.append((dim, column, source))
                dim += 1
                source += 1
        else:
            advanced.append((dim, part, source))
            dim += 1
            source += 1
    return view, advanced


def _dims_used(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, TensorBase) and part.dtype is dtypes.bool_:
        return len(part.shape)
    return 1


def _normalized(part: Any, x: Any) -> Any:  # noqa: PLR0911 - one return per kind of index
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return slice(*(None if v is None else operator.index(v) for v in (part.start, part.stop, part.step)))
    if isinstance(part, (bool, np.bool_)):
        return creation.tensor(bool(part), device=x.device)
    if isinstance(part, TensorBase):
        if part.dtype.category > dtypes.INT:
            raise ArgumentTypeError(
                f"indexing: an index tensor must be integer or bool, got {part.dtype.name}"
            )
        if part.dtype is dtypes.bool_ or part.shape:
            return part if part.device is x.device else part.to(x.device)
        return int(part)
    if isinstance(part, (list, tuple, range, np.ndarray)):
        made = creation.tensor(list(part) if isinstance(part, range) else part, device=x.device)
        if not made.shape.elements and made.dtype is not dtypes.bool_:
            made = made.to(dtypes.int64)
        return _normalized(made, x)
    try:
        return operator.index(part)
    except TypeError:
        raise ArgumentTypeError(
            f"indexing: expected integers, slices, None, ..., or integer and bool tensors, got {type(part).__name__}"
        ) from None


# -- index tensors -----------------------------------------------------------------------------------


def _arranged(view: Any, advanced: list[tuple[int, Any, int]]) -> tuple[list[int], list[Any], int]:
    """Return a dim order that puts indexed dims first, the index tensors, and where their result goes.

    The result's index dims stay in place if the indexed dims are neighbours, else they come first.
    """
    dims = [d for d, _, _ in advanced]
    tensors = [t for _, t, _ in advanced]
    order = dims + [d for d in range(len(view.shape)) if d not in dims]
    neighbours = dims == list(range(dims[0], dims[0] + len(dims)))
    return order, tensors, dims[0] if neighbours else 0


def _index_shape(tensors: list[Any]) -> tuple[int, ...]:
    from rustorch.shape import broadcast_shapes

    return tuple(broadcast_shapes("indexing", *(t.shape for t in tensors)))


def _restored(result: Any, front: int, rest: int) -> Any:
    if front == 0:
        return result
    count = len(result.shape) - rest
    order = [*range(count, count + front), *range(count), *range(count + front, count + rest)]
    return permute(result, order)


def _moved_value(source: Any, shape: tuple[int, ...], rest: Any, front: int) -> Any:
    """Return a value, laid out as ``x[index]`` would be, with the index dims first."""
    if front == 0:
        return source
    full = (*rest[:front], *shape, *rest[front:])
    try:
        grown = source.expand(full)
    except ShapeError as error:
        raise ShapeError(f"indexing: a value of shape {tuple(source.shape)} does not fit {full}") from error
    count = len(shape)
    return permute(grown, [*range(front, front + count), *range(front), *range(front + count, len(full))])
