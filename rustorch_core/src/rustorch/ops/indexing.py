"""Reading and writing by index tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch import dtypes
from rustorch.base import TensorBase, allocate
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, DTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.creation import from_host
from rustorch.ops.movement import expand, reshape
from rustorch.ops.op import Op, common_device
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, index, mask
from rustorch.shape import Shape, broadcast_shapes, normalize_dim
from rustorch.tape import mode, record

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _index_dtype(name: str, idx: Any) -> Any:
    if idx.dtype.category != dtypes.INT:
        raise DTypeError(f"{name}: the index must be an integer tensor, got {idx.dtype.name}")
    return idx if idx.dtype is dtypes.int64 else idx.to(dtypes.int64)


# -- gather and scatter along a dim ------------------------------------------------------------------


def _gather_rule(x: Any, idx: Any, *, dim: int) -> tuple[Shape, DType]:
    if len(x.shape) != len(idx.shape):
        raise ShapeError(
            f"gather: index must have as many dims as input, got {tuple(idx.shape)} and {tuple(x.shape)}"
        )
    if any(n > m for d, (n, m) in enumerate(zip(idx.shape, x.shape, strict=True)) if d != dim):
        raise ShapeError(
            f"gather: index must not be larger than input outside of dimension {dim}, "
            f"got {tuple(idx.shape)} and {tuple(x.shape)}"
        )
    return idx.shape, x.dtype


gather_op = Op("gather", _gather_rule, doc="Pick along a dim by an index of the result's shape.")
gather_op.vjp(
    lambda g, _out, _x, idx, *, dim: _scattered_with("add", g.new_zeros(_x.shape), idx, g, dim),
    None,
)


@public(samples=lambda: [call(array(3, 4), 1, index(3, 2, below=4)), call(array(5), 0, index(7, below=5))])
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return ``out[i][j] = input[i][index[i][j]]`` (for dim 1): elements picked along `dim`.

    Raises:
        OutOfBoundsError: if an index is outside of the dim.
    """
    dim = normalize_dim("gather", dim, len(input.shape))
    idx = _index_dtype("gather", index)
    if not input.shape:
        return reshape(gather_op(reshape(input, (1,)), reshape(idx, (-1,)), dim=0), idx.shape)
    return gather_op(input, idx, dim=dim)


class _Scatter(Op):
    """Writes into a copy of the first operand; the kernel sees that copy as its destination.

    Overwriting, adding and taking the maximum are one kernel with a `mode`, but have derivatives of
    their own, so that each saves only what it needs.
    """

    def __init__(self, name: str, rule: Any, kernel: str, **options: Any) -> None:
        super().__init__(name, rule, **options)
        self.kernel = kernel
        self.dispatched = kernel == name

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        x, *rest = operands
        common_device(self.name, operands)
        self.rule(*operands, **attrs)
        out = allocate(x.shape, x.dtype, x.device)
        x.device.kernels["copy"][x.dtype](out, x)
        x.device.kernels[self.kernel][x.dtype](out, *rest, **attrs)
        if mode.grad and (x.needs_grad or rest[-1].needs_grad):
            record(self, out, operands, attrs)
        return out


def _scatter_rule(x: Any, idx: Any, src: Any, *, dim: int, mode: str) -> None:
    shapes = f"input {tuple(x.shape)}, index {tuple(idx.shape)}, src {tuple(src.shape)}"
    if not len(x.shape) == len(idx.shape) == len(src.shape):
        raise ShapeError(f"scatter: input, index and src must have as many dims, got {shapes}")
    for d, (n, m, k) in enumerate(zip(idx.shape, src.shape, x.shape, strict=True)):
        if n > m or (d != dim and n > k):
            raise ShapeError(
                f"scatter: index must not be larger than src, nor than input outside of dimension {dim}, got {shapes}"
            )
    if src.dtype is not x.dtype:
        raise DTypeError(f"scatter: src must be {x.dtype.name} as input is, got {src.dtype.name}")


def _like_index(src: Any, idx: Any) -> Any:
    """Return the part of `src` that the index covers."""
    for d, size in enumerate(idx.shape):
        if src.shape[d] != size:
            src = src.narrow(d, 0, size)
    return src


def _covered(g: Any, _src: Any, idx: Any, dim: int) -> Any:
    """Return the gradient of src: picked where the index covers it, zero elsewhere."""
    picked = gather_op(g, idx, dim=dim)
    if _src.shape == idx.shape:
        return picked
    padded = g.new_zeros(_src.shape)
    for_index = padded
    for d, size in enumerate(idx.shape):
        for_index = for_index.narrow(d, 0, size)
    for_index.copy_(picked)
    return padded


def _max_vjp(g: Any, out: Any, x: Any, idx: Any, src: Any, *, needs: Any, dim: int, mode: str) -> list[Any]:
    """Share the gradient among all candidates that attain the maximum."""
    del mode
    won_before = (x == out).to(g.dtype)
    won = (_like_index(src, idx) == gather_op(out, idx, dim=dim)).to(g.dtype)
    share = g / _scattered_with("add", won_before, idx, won, dim)
    mine = gather_op(share, idx, dim=dim) * won
    padded = mine if src.shape == idx.shape else _padded(mine, src)
    return [share * won_before if needs[0] else None, None, padded if needs[2] else None]


def _padded(part: Any, like: Any) -> Any:
    whole = part.new_zeros(like.shape)
    corner = whole
    for d, size in enumerate(part.shape):
        corner = corner.narrow(d, 0, size)
    corner.copy_(part)
    return whole


Op("scatter", _scatter_rule, updates_out=True, doc="Write along a dim by an index.").constant()
_SCATTERS = {
    "set": _Scatter("scatter_set", _scatter_rule, "scatter", doc="Overwrite along a dim by an index."),
    "add": _Scatter("scatter_sum", _scatter_rule, "scatter", doc="Add along a dim by an index."),
    "max": _Scatter("scatter_max", _scatter_rule, "scatter", doc="Keep the larger along a dim by an index."),
}
_SCATTERS["set"].vjp(
    lambda g, _out, _x, idx, _src, *, dim, mode: (
        g * (1 - _scattered_with("set", g.new_zeros(_x.shape), idx, g.new_ones(idx.shape), dim))
    ),
    None,
    lambda g, _out, _x, idx, _src, *, dim, mode: _covered(g, _src, idx, dim),
)
_SCATTERS["add"].vjp(
    lambda g, _out, _x, _idx, _src, *, dim, mode: g,
    None,
    lambda g, _out, _x, idx, _src, *, dim, mode: _covered(g, _src, idx, dim),
)
_SCATTERS["max"].joint_vjp(_max_vjp)


def _scattered_with(how: str, x: Any, idx: Any, src: Any, dim: int) -> Any:
    return _SCATTERS[how](x, idx, src, dim=dim, mode=how)


_MODES = {"add": "add", "sum": "add", "amax": "max"}


def _scattered(name: str, input: Any, dim: int, index: Any, src: Any, how: str) -> Any:
    dim = normalize_dim(name, dim, len(input.shape))
    idx = _index_dtype(name, index)
    if how == "max" and input.dtype.is_complex:
        raise DTypeError(f"{name}: complex numbers have no order, got {input.dtype.name}")
    if not isinstance(src, TensorBase):
        src = input.new_full(idx.shape, src)
    return _scattered_with(how, input, idx, src, dim)


@public(
    samples=lambda: [
        call(array(3, 5), 1, index(3, 2, below=5, unique=True), array(3, 2)),
        call(array(3, 5), 1, index(3, 1, below=5), 2.0),
    ]
)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: float | Tensor, *, reduce: str | None = None
) -> Tensor:
    """Return a copy of `input` with ``out[i][index[i][j]] = src[i][j]`` (for dim 1).

    Args:
        input: the tensor to copy.
        dim: the dim that the index counts.
        index: int64, as many dims as `input`.
        src: values of at least the index's shape, or a number.
        reduce: None to overwrite (which value stays is undefined if an index repeats), "add" or "amax".
    """
    if reduce is not None and reduce not in _MODES:
        raise ArgumentError(f"scatter: reduce must be None, 'add' or 'amax', got {reduce!r}")
    return _scattered("scatter", input, dim, index, src, "set" if reduce is None else _MODES[reduce])


@public(
    samples=lambda: [
        call(array(3, 5), 1, index(3, 4, below=5), array(3, 4)),
        call(array(4), 0, index(6, below=4), array(6)),
    ]
)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return a copy of `input` with ``out[i][index[i][j]] += src[i][j]`` (for dim 1)."""
    return _scattered("scatter_add", input, dim, index, src, "add")


@public(
    samples=lambda: [
        call(
            array(3, 5, distinct=True),
            1,
            index(3, 4, below=5),
            array(3, 4, distinct=True, low=-1.7, high=2.1),
            "amax",
        ),
        call(array(3, 5), 1, index(3, 4, below=5), array(3, 4), "sum"),
    ]
)
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str) -> Tensor:
    """Return a copy of `input` with src reduced into the indexed places: "sum" or "amax"."""
    if reduce not in _MODES:
        raise ArgumentError(f"scatter_reduce: reduce must be 'sum' or 'amax', got {reduce!r}")
    return _scattered("scatter_reduce", input, dim, index, src, _MODES[reduce])


# -- whole slices ------------------------------------------------------------------------------------


def _slices_shape(x: Any, idx: Any, dim: int) -> Shape:
    return Shape((*x.shape[:dim], idx.shape.elements, *x.shape[dim + 1 :]))


def _select_rule(x: Any, idx: Any, *, dim: int) -> tuple[Shape, DType]:
    if len(idx.shape) != 1:
        raise ShapeError(f"index_select: the index must have one dim, got shape {tuple(idx.shape)}")
    return _slices_shape(x, idx, dim), x.dtype


def _grown(idx: Any, like: Any, dim: int) -> Any:
    """Return a 1-d index in the shape that gather and scatter want."""
    shape = [1] * len(like.shape)
    shape[dim] = idx.shape.elements
    return expand(reshape(idx, shape), _slices_shape(like, idx, dim))


def _select_decomposition(x: Any, idx: Any, *, dim: int) -> Any:
    return gather_op(x, _grown(idx, x, dim), dim=dim)


index_select_op = Op(
    "index_select", _select_rule, decomposition=_select_decomposition, doc="Pick slices along a dim."
)


def _select_vjp(g: Any, _out: Any, _x: Any, idx: Any, *, dim: int) -> Any:
    return _index_add(g.new_zeros(_x.shape), idx, g, dim=dim)


index_select_op.vjp(_select_vjp, None)


@public(
    samples=lambda: [
        call(array(3, 4), 0, index(5, below=3)),
        call(array(3, 4), -1, index(2, below=4)),
        call(array(3, 4), 1, index(0, below=4)),
    ]
)
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of `input` along `dim` that a 1-d index names."""
    dim = normalize_dim("index_select", dim, len(input.shape))
    idx = _index_dtype("index_select", index)
    if not idx.shape:
        idx = reshape(idx, (1,))
    return index_select_op(input, idx, dim=dim)


def _add_rule(x: Any, idx: Any, src: Any, *, dim: int) -> None:
    if len(idx.shape) != 1 or src.shape != _slices_shape(x, idx, dim):
        raise ShapeError(
            f"index_add: src must have shape {tuple(_slices_shape(x, idx, dim))} "
            f"for an index of {idx.shape.elements}, got {tuple(src.shape)}"
        )
    if src.dtype is not x.dtype:
        raise DTypeError(f"index_add: src must be {x.dtype.name} as input is, got {src.dtype.name}")


def _add_decomposition(out: Any, idx: Any, src: Any, *, dim: int) -> Any:
    return _scattered_with("add", out, _grown(idx, out, dim), src, dim)


_index_add = _Scatter(
    "index_add",
    _add_rule,
    "index_add",
    decomposition=_add_decomposition,
    doc="Add slices along a dim.",
    updates_out=True,
)
_index_add.vjp(
    lambda g, _out, _x, _idx, _src, *, dim: g,
    None,
    lambda g, _out, _x, idx, _src, *, dim: index_select_op(g, idx, dim=dim),
)


@public(
    samples=lambda: [
        call(array(3, 4), 0, index(5, below=3), array(5, 4)),
        call(array(3, 4), 1, index(2, below=4), array(3, 2)),
    ]
)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """Return a copy of `input` with ``alpha * source`` added to the slices that the index names."""
    dim = normalize_dim("index_add", dim, len(input.shape))
    return _index_add(
        input, _index_dtype("index_add", index), source if alpha == 1 else source * alpha, dim=dim
    )


@public(samples=lambda: [call(array(3, 4), index(5, below=12))])
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements of the flattened tensor that the index names, in the index's shape."""
    idx = wrapped(_index_dtype("take", index), input.shape.elements)
    return reshape(index_select_op(reshape(input, (-1,)), reshape(idx, (-1,)), dim=0), idx.shape)


@public(samples=lambda: [call(array(3, 4), index(3, 2, below=4), 1)])
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return elements picked along `dim` by an index that broadcasts (of the flattened tensor if None)."""
    if dim is None:
        return take(input, indices)
    axis = normalize_dim("take_along_dim", dim, len(input.shape))
    if len(input.shape) != len(indices.shape) or not input.shape:
        raise ShapeError(
            "take_along_dim: input and indices must have as many dims, at least one, "
            f"got {tuple(input.shape)} and {tuple(indices.shape)}"
        )
    common = list(
        broadcast_shapes(
            "take_along_dim",
            tuple(1 if i == axis else s for i, s in enumerate(input.shape)),
            tuple(1 if i == axis else s for i, s in enumerate(indices.shape)),
        )
    )
    common[axis] = indices.shape[axis]
    full = list(common)
    full[axis] = input.shape[axis]
    return gather(expand(input, full), axis, expand(indices, common))


def wrapped(idx: Any, size: int) -> Any:
    """Return an index with negative entries counted from the end."""
    return idx + (idx < 0).to(dtypes.int64) * size


# -- advanced indexing -------------------------------------------------------------------------------


def linear_index(x: Any, indices: list[Any], dims: list[int] | None = None) -> tuple[Any, Shape]:
    """Return the flat row numbers that index tensors for the first dims name, and the index shape.

    `dims` are the dims' numbers for the error text, if they are not the first ones of what the user sees.

    Raises:
        OutOfBoundsError: if an index is outside of its dim.
    """
    shape = broadcast_shapes("indexing", *(i.shape for i in indices))
    flat: Any = None
    for dim, (idx, size) in enumerate(zip(indices, x.shape, strict=False)):
        check_bounds(idx, dims[dim] if dims else dim, size)
        here = wrapped(_index_dtype("indexing", idx), size)
        flat = here if flat is None else flat * size + here
    return reshape(expand(flat, shape), (-1,)), shape


def check_bounds(idx: Any, dim: int, size: int) -> None:
    """Raise if an index lies outside of [-size, size)."""
    if idx.shape.elements == 0:
        return
    low, high = int(idx.min()), int(idx.max())
    if low < -size or high >= size:
        wrong = low if low < -size else high
        raise OutOfBoundsError(
            f"indexing: index {wrong} is out of bounds for dimension {dim} with size {size}"
        )


def take_rows(x: Any, indices: list[Any], dims: list[int] | None = None) -> Any:
    """Return ``x[i0, i1, ...]`` for index tensors of the first dims."""
    if len(indices) == 1 and not hasattr(x.device.runtime, "new_stream"):
        idx = _index_dtype("indexing", indices[0])
        try:
            if len(idx.shape) == 1:
                return index_select_op(x, idx, dim=0)
            return reshape(index_select_op(x, reshape(idx, (-1,)), dim=0), (*idx.shape, *x.shape[1:]))
        except OutOfBoundsError:
            pass  # a kernel without streams says so at once; negative ones are left to what follows
    rows, shape = linear_index(x, indices, dims)
    count = len(indices)
    merged = reshape(x, (Shape(x.shape[:count]).elements, *x.shape[count:]))
    return reshape(index_select_op(merged, rows, dim=0), (*shape, *x.shape[count:]))


def put_rows(
    x: Any, indices: list[Any], values: Any, dims: list[int] | None = None, *, accumulate: bool
) -> Any:
    """Return a copy of `x` with ``x[i0, i1, ...] = values`` (or ``+=``) for index tensors of the first dims."""
    rows, shape = linear_index(x, indices, dims)
    count = len(indices)
    merged = reshape(x, (Shape(x.shape[:count]).elements, *x.shape[count:]))
    source = reshape(expand(values, (*shape, *x.shape[count:])), (rows.shape[0], *x.shape[count:]))
    if accumulate:
        return reshape(_index_add(merged, rows, source, dim=0), x.shape)
    return reshape(_scattered_with("set", merged, _grown(rows, merged, 0), source, 0), x.shape)


@public(
    method=True, samples=lambda: [call(array(3, 4), (index(2, below=3), index(2, below=4)), array(2), True)]
)
def index_put(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """Return a copy of `input` with ``input[indices] = values``, or ``+=`` if `accumulate`."""
    if not len(indices):
        raise ArgumentError("index_put: at least one index tensor is required")
    if not input.shape:
        raise ShapeError("index_put: a 0-d tensor has no dims to index")
    return put_rows(input, list(indices), values, accumulate=accumulate)


# -- by mask -----------------------------------------------------------------------------------------


def _nonzero_rows(x: Any) -> Any:
    """Return the int64 flat positions of nonzero elements; the count is known only on the host."""
    return from_host(np.flatnonzero(x.detach().numpy(force=True)).astype(np.int64), x.device)


@public(
    differentiable=False,
    samples=lambda: [call(mask(3, 4)), call(mask(5)), call(mask(0, 2))],
    tags=("dynamic",),
)
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the positions of nonzero elements: an int64 matrix (count, ndim), or one tensor per dim.

    The size of the result depends on the values, so the device is synchronised.
    """
    found = np.argwhere(input.detach().numpy(force=True)).astype(np.int64)
    if as_tuple:
        return tuple([from_host(np.ascontiguousarray(column), input.device) for column in found.T])
    return from_host(np.ascontiguousarray(found), input.device)


@public(
    aliases=(), samples=lambda: [call(array(3, 4), mask(3, 4)), call(array(3, 4), mask(4))], tags=("dynamic",)
)
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where `mask` is True, as one dim; both broadcast."""
    if mask.dtype is not dtypes.bool_:
        raise DTypeError(f"masked_select: the mask must be bool, got {mask.dtype.name}")
    shape = broadcast_shapes("masked_select", input.shape, mask.shape)
    rows = _nonzero_rows(expand(mask, shape))
    return index_select_op(reshape(expand(input, shape), (-1,)), rows, dim=0)


@public(samples=lambda: [call(array(3, 4), mask(3, 4), array(12))])
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return a copy of `input` with the elements where `mask` is True taken from `source` in order."""
    full = expand(mask, input.shape)
    rows = _nonzero_rows(full)
    count = rows.shape[0]
    if source.shape.elements < count:
        raise ShapeError(f"masked_scatter: {count} elements are required, got {source.shape.elements}")
    flat = reshape(input, (-1,))
    return reshape(
        _scattered_with("set", flat, rows, reshape(source, (-1,)).narrow(0, 0, count), 0), input.shape
    )
