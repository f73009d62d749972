"""Views and copies that only move elements: geometry is core metadata, no backend takes part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import allocate, view_of
from rustorch.errors import ArgumentError, ArgumentTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call
from rustorch.shape import (
    Shape,
    Strides,
    as_shape,
    canonical_strides,
    expanded_strides,
    infer_size,
    normalize_dim,
    view_strides,
)
from rustorch.tape import mode, note_view, record, settings

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Geometry = tuple[Shape, Strides, int]

#: Geometries that a view op remembers: a program has few, in a loop.
MOST_KNOWN = 4096


class View(Op):
    """An op whose result shares its operand's memory; `rule` returns (shape, strides, offset)."""

    dispatched = False

    def __init__(self, name: str, rule: Callable[..., Geometry], *, doc: str) -> None:
        super().__init__(name, rule, doc=doc)
        # what the rule said of an operand's shape and strides and the attributes: shape, strides, shift of the offset
        self.known: dict[tuple[Any, ...], Geometry] = {}

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Return the view, with its history where one is recorded."""
        (x,) = operands
        key = (x.shape, x.strides, tuple(attrs.values()))
        shape, strides, shift = self.known.get(key) or self._learn(key, x, attrs)
        result = view_of(x, shape, strides, x.offset + shift)
        result.base = base = x if x.base is None else x.base
        if mode.grad:
            note_view(base, result)
            if x.needs_grad:
                record(self, result, (x,), attrs)
                result.epoch = base.epoch
        return result

    def _learn(self, key: tuple[Any, ...], x: Any, attrs: dict[str, Any]) -> Geometry:
        shape, strides, offset = self.rule(x, **attrs)
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known[key] = found = shape, strides, offset - x.offset
        return found


def view(rule: Callable[..., Geometry]) -> View:
    """Declare a view op from its geometry rule."""
    return View(rule.__name__.removeprefix("_").removesuffix("_rule"), rule, doc=rule.__doc__ or "")


def varsizes(op: str, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Accept sizes or dims as separate arguments or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return tuple(sizes[0])
    if not all(hasattr(s, "__index__") for s in sizes):
        raise ArgumentTypeError(f"{op}: expected integers, got {sizes!r}")
    return sizes


# -- reshape -----------------------------------------------------------------------------------------


@view
def _reshape_rule(x: Any, *, shape: Shape) -> Geometry:
    """Show the same elements in another shape; only where no copy is needed."""
    strides = view_strides(x.shape, x.strides, shape)
    if strides is None:
        raise ShapeError(
            f"view: shape {tuple(shape)} does not fit the strides {x.strides} of a tensor of shape {tuple(x.shape)}",
            hint="use reshape(), which copies where it must",
        )
    return shape, strides, x.offset


_reshape_rule.vjp(lambda g, _out, _x, *, shape: reshape_to(g, _x.shape))


@public(
    samples=lambda: [
        call(array(3, 4), (2, 6)),
        call(array(6), (2, -1)),
        call(array(0, 3), (3, 0)),
        call(array(), (1, 1)),
    ]
)
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return the elements in another shape: a view where possible, else a copy.  One size may be -1."""
    target = infer_size("reshape", as_shape("reshape", shape, allow_minus_one=True), input.shape.elements)
    if target is input.shape:
        return view_as_is(input)
    return reshape_to(input, target)


def reshape_to(x: Any, shape: Shape) -> Any:
    """Return `x` in a shape of as many elements: `reshape` without its checks, for other ops."""
    if x.strides is x.shape.strides or view_strides(x.shape, x.strides, shape) is not None:
        return _reshape_rule(x, shape=shape)
    return _reshape_rule(copy_op(x), shape=shape)


def expand_to(x: Any, shape: Shape) -> Any:
    """Return `x` shown in a shape that it broadcasts to: `expand` without its checks, for other ops."""
    return x if x.shape is shape else _expand_rule(x, shape=shape)


@public(
    method=False, samples=lambda: [call(array(3, 4), (12,)), call(array(2, 3, 4), (6, -1))], tags=("view",)
)
def view_as_shape(input: Tensor, *shape: Any) -> Tensor:
    """Return a view in another shape; an error where only a copy could have it.  One size may be -1."""
    target = infer_size("view", as_shape("view", shape, allow_minus_one=True), input.shape.elements)
    return _reshape_rule(input, shape=target)


def view_as_is(input: Any) -> Any:
    """Return a view with the same geometry."""
    return (
        _reshape_rule(input, shape=input.shape)
        if input.strides is input.shape.strides
        else _permute_rule(input, dims=tuple(range(len(input.shape))))
    )


@public(samples=lambda: [call(array(2, 3, 4)), call(array(2, 3, 4), 1), call(array())])
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the dims from `start_dim` to `end_dim` made one."""
    ndim = len(input.shape)
    if ndim == 0:
        return reshape(input, (1,))
    first, last = normalize_dim("flatten", start_dim, ndim), normalize_dim("flatten", end_dim, ndim)
    if first > last:
        raise ShapeError(f"flatten: start_dim must not come after end_dim, got {start_dim} and {end_dim}")
    merged = Shape(input.shape[first : last + 1]).elements
    return reshape(input, (*input.shape[:first], merged, *input.shape[last + 1 :]))


@public(samples=lambda: [call(array(12), 0, (3, 4)), call(array(2, 6), -1, (2, -1))])
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return one dim split into several."""
    if not input.shape:
        raise ShapeError("unflatten: a 0-d tensor has no dim to split")
    dim = normalize_dim("unflatten", dim, len(input.shape))
    split_shape = infer_size(
        "unflatten", as_shape("unflatten", sizes, allow_minus_one=True), input.shape[dim]
    )
    return reshape(input, (*input.shape[:dim], *split_shape, *input.shape[dim + 1 :]))


@public(samples=lambda: [call(array(3, 4))])
def ravel(input: Tensor) -> Tensor:
    """Return all elements as one dim."""
    return reshape(input, (-1,))


@public(
    samples=lambda: [
        call(array(3, 1, 4)),
        call(array(1, 3, 1), 0),
        call(array(2, 3), 0),
        call(array(1, 1, 2), (0, 1)),
    ]
)
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return a view without the dims of size 1: all of them, or those of `dim` that have it."""
    ndim = len(input.shape)
    if dim is None:
        dims: set[int] = set(range(ndim))
    else:
        given = dim if isinstance(dim, (tuple, list)) else (dim,)
        dims = {normalize_dim("squeeze", d, ndim) for d in given}
    keep = [i for i, size in enumerate(input.shape) if size != 1 or i not in dims]
    return _pick_rule(input, keep=tuple(keep))


@view
def _pick_rule(x: Any, *, keep: tuple[int, ...]) -> Geometry:
    """Leave out dims of size 1."""
    shape = Shape(x.shape[i] for i in keep)
    return shape, canonical_strides(shape, [x.strides[i] for i in keep]), x.offset


_pick_rule.vjp(lambda g, _out, _x, *, keep: g.reshape(_x.shape))


@public(samples=lambda: [call(array(3, 4), 0), call(array(3, 4), -1), call(array(), 0)])
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dim of size 1 inserted before `dim`."""
    return _unsqueeze_rule(input, dim=normalize_dim("unsqueeze", dim, len(input.shape) + 1))


@view
def _unsqueeze_rule(x: Any, *, dim: int) -> Geometry:
    """Insert a dim of size 1."""
    shape = Shape((*x.shape[:dim], 1, *x.shape[dim:]))
    return shape, canonical_strides(shape, (*x.strides[:dim], 1, *x.strides[dim:])), x.offset


_unsqueeze_rule.vjp(lambda g, _out, _x, *, dim: g.squeeze(dim))


# -- order of dims -----------------------------------------------------------------------------------


@view
def _permute_rule(x: Any, *, dims: tuple[int, ...]) -> Geometry:
    """Put the dims in another order."""
    shape = Shape([x.shape[d] for d in dims])
    return shape, canonical_strides(shape, [x.strides[d] for d in dims]), x.offset


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


_permute_rule.vjp(lambda g, _out, _x, *, dims: _permute_rule(g, dims=_inverse(dims)))


@public(samples=lambda: [call(array(2, 3, 4), (2, 0, 1)), call(array(2, 3), (1, 0)), call(array(), ())])
def permute(input: Tensor, *dims: Any) -> Tensor:
    """Return a view with the dims in the given order."""
    ndim = len(input.shape)
    order = tuple(normalize_dim("permute", d, ndim) for d in varsizes("permute", dims))
    if sorted(order) != list(range(ndim)):
        raise ShapeError(f"permute: every dim of shape {tuple(input.shape)} must occur once, got {order}")
    return _permute_rule(input, dims=order)


@public(
    samples=lambda: [call(array(2, 3, 4), 0, 2), call(array(2, 3), 0, 1)], aliases=("swapaxes", "swapdims")
)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dims exchanged."""
    ndim = len(input.shape)
    a, b = normalize_dim("transpose", dim0, ndim), normalize_dim("transpose", dim1, ndim)
    order = list(range(ndim))
    if ndim:
        order[a], order[b] = order[b], order[a]
    return _permute_rule(input, dims=tuple(order))


def transposed(x: Any) -> Any:
    """Return a matrix, or the matrices of a batch, with rows and columns exchanged."""
    ndim = len(x.shape)
    return _permute_rule(x, dims=(1, 0) if ndim == 2 else (*range(ndim - 2), ndim - 1, ndim - 2))


@public(samples=lambda: [call(array(2, 3)), call(array(3)), call(array())])
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; vectors and scalars stay as they are."""
    ndim = len(input.shape)
    if ndim > 2:
        raise ShapeError(
            f"t: at most 2 dims are allowed, got {ndim}", hint="use transpose(dim0, dim1) or .mT"
        )
    return _permute_rule(input, dims=tuple(reversed(range(ndim))))


@public(
    samples=lambda: [call(array(2, 3, 4), 0, -1), call(array(2, 3, 4), (0, 1), (1, 2))], aliases=("moveaxis",)
)
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return a view with the dims at `source` moved to the positions `destination`."""
    ndim = len(input.shape)
    from_ = [normalize_dim("movedim", d, ndim) for d in ((source,) if isinstance(source, int) else source)]
    to = [
        normalize_dim("movedim", d, ndim)
        for d in ((destination,) if isinstance(destination, int) else destination)
    ]
    if len(from_) != len(to) or len(set(from_)) != len(from_) or len(set(to)) != len(to):
        raise ShapeError(
            f"movedim: source and destination must be distinct dims of equal number, got {source}, {destination}"
        )
    rest = iter(d for d in range(ndim) if d not in from_)
    placed = dict(zip(to, from_, strict=True))
    return _permute_rule(input, dims=tuple(placed[i] if i in placed else next(rest) for i in range(ndim)))


# -- parts -------------------------------------------------------------------------------------------


@view
def _slice_rule(x: Any, *, dim: int, start: int, length: int, step: int) -> Geometry:
    """Take every `step`-th element of one dim."""
    shape = Shape((*x.shape[:dim], length, *x.shape[dim + 1 :]))
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :])
    return shape, canonical_strides(shape, strides), x.offset + start * x.strides[dim]


@view
def _select_rule(x: Any, *, dim: int, index: int) -> Geometry:
    """Take one element of one dim, which disappears."""
    shape = Shape((*x.shape[:dim], *x.shape[dim + 1 :]))
    strides = (*x.strides[:dim], *x.strides[dim + 1 :])
    return shape, canonical_strides(shape, strides), x.offset + index * x.strides[dim]


def _zeros_like(spec: Any, dtype: Any) -> Any:
    result = allocate(spec.shape, dtype, spec.device)
    result.device.kernels["fill"][dtype](result, value=0)
    return result


class _Place(Op):
    """The backward of a view: zeros with `g` written where the view looked."""

    dispatched = False

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        (g,) = operands
        out = _zeros_like(attrs["into"], g.dtype)
        shape, strides, offset = attrs["where"].rule(out, **attrs["how"])
        g.device.kernels["copy"][g.dtype](view_of(out, shape, strides, offset), g)
        if g.needs_grad and mode.grad:
            record(self, out, (g,), attrs)
        return out


place = _Place(
    "place", lambda g, *, into, where, how: (into.shape, g.dtype), doc="Write into zeros through a view."
)
place.vjp(lambda h, _out, _g, *, into, where, how: where(h, **how))


class Part:
    """A gradient that is zero but for the part of its tensor that a view showed.

    Where several views show parts of one tensor their gradients go into the same memory, instead of each
    being a whole tensor of zeros, to be added up.
    """

    __slots__ = ("device", "dtype", "g", "how", "into", "shape", "where")

    def __init__(self, g: Any, into: Any, where: View, how: dict[str, Any]) -> None:
        self.g, self.into, self.where, self.how = g, into, where, how
        self.shape, self.dtype, self.device = into.shape, g.dtype, g.device

    def whole(self) -> Any:
        """Return the whole gradient, in memory of its own."""
        return place(self.g, into=self.into, where=self.where, how=self.how)

    def add_to(self, whole: Any) -> None:
        """Add the part to a gradient that nobody else holds."""
        shape, strides, offset = self.where.rule(whole, **self.how)
        shown = view_of(whole, shape, strides, offset)
        self.device.kernels["add"][self.dtype](shown, shown, self.g)


def _part(g: Any, into: Any, where: View, **how: Any) -> Any:
    """Return a part as the gradient of a view; whole where its own derivative is recorded or it is looked at."""
    if mode.grad or settings.anomaly or g.dtype is not into.dtype:
        return place(g, into=into, where=where, how=how)
    return Part(g, into, where, how)


_slice_rule.vjp(lambda g, _out, _x, **how: _part(g, _x, _slice_rule, **how))
_select_rule.vjp(lambda g, _out, _x, **how: _part(g, _x, _select_rule, **how))


@public(samples=lambda: [call(array(3, 4), 0, 1), call(array(3, 4), -1, -2)])
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return a view of one slice along `dim`, which disappears."""
    if not input.shape:
        raise OutOfBoundsError("select: a 0-d tensor cannot be indexed", hint="use item() for its value")
    dim = normalize_dim("select", dim, len(input.shape))
    size = input.shape[dim]
    if not -size <= index < size:
        raise OutOfBoundsError(f"select: index {index} is out of bounds for dimension {dim} with size {size}")
    return _select_rule(input, dim=dim, index=index + size if index < 0 else index)


@public(samples=lambda: [call(array(5, 4), 0, 1, 3), call(array(5, 4), 1, 0, 0)])
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a view of `length` elements from `start` along `dim`."""
    dim = normalize_dim("narrow", dim, len(input.shape))
    size = input.shape[dim] if input.shape else 0
    first = start + size if start < 0 else start
    if not 0 <= first <= size or length < 0 or first + length > size:
        raise OutOfBoundsError(
            f"narrow: [{start}, {start}+{length}) does not fit dimension {dim} with size {size}"
        )
    return _slice_rule(input, dim=dim, start=first, length=length, step=1)


def slice_dim(input: Any, dim: int, index: slice) -> Any:
    """Return a view by a Python slice along one dim; the step may not be negative, as in PyTorch."""
    if index.step is not None and index.step <= 0:
        raise ArgumentError(f"indexing: a slice's step must be positive, got {index.step}", hint="use flip()")
    start, stop, step = index.indices(input.shape[dim])
    length = max(0, -(-(stop - start) // step))
    return _slice_rule(input, dim=dim, start=start, length=length, step=step)


@public(samples=lambda: [call(array(7, 2), 3), call(array(2, 6), (1, 2, 3), 1)])
def split(input: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of consecutive parts along `dim`, of one size (the last may be smaller) or of given sizes."""
    dim = normalize_dim("split", dim, len(input.shape))
    size = input.shape[dim] if input.shape else 1
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step < 0 or (step == 0 and size):
            raise ArgumentError(f"split: the size of a part must be positive, got {step}")
        sections = [min(step, size - i) for i in range(0, size, step)] if size else [0]
    else:
        sections = [int(s) for s in split_size_or_sections]
        if sum(sections) != size or min(sections, default=0) < 0:
            raise ShapeError(
                f"split: the sections must add up to {size}, the size of dimension {dim}, got {sections}"
            )
    parts, start = [], 0
    for length in sections:
        parts.append(narrow(input, dim, start, length))
        start += length
    return tuple(parts)


@public(samples=lambda: [call(array(7, 2), 3), call(array(2, 6), 4, 1)])
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of equal size (the last may be smaller) along `dim`."""
    if chunks <= 0:
        raise ArgumentError(f"chunk: the number of chunks must be positive, got {chunks}")
    dim = normalize_dim("chunk", dim, len(input.shape))
    size = input.shape[dim] if input.shape else 1
    return split(input, max(1, -(-size // chunks)), dim)


@public(samples=lambda: [call(array(3, 2)), call(array(3, 2), 1)])
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return a view of every slice along `dim`."""
    dim = normalize_dim("unbind", dim, len(input.shape))
    return tuple(select(input, dim, i) for i in range(input.shape[dim] if input.shape else 0))


# -- expand, windows, diagonals --------------------------------------------------------------------


@view
def _expand_rule(x: Any, *, shape: Shape) -> Geometry:
    """Repeat dims of size 1 without copying."""
    return shape, expanded_strides(x.shape, x.strides, shape), x.offset


_expand_rule.vjp(lambda g, _out, _x, *, shape: g.sum_to_size(_x.shape))


@public(samples=lambda: [call(array(3, 1), (3, 4)), call(array(4), (2, -1)), call(array(), (2, 2))])
def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Return a view in which dims of size 1 are repeated to `sizes`; -1 keeps a size."""
    wanted = as_shape("expand", sizes, allow_minus_one=True)
    pad = len(wanted) - len(input.shape)
    if pad < 0 or any(s == -1 for s in wanted[:pad]):
        raise ShapeError(f"expand: shape {tuple(input.shape)} cannot become {wanted}")
    target = []
    for i, size in enumerate(wanted):
        have = input.shape[i - pad] if i >= pad else 1
        if size not in (-1, have) and have != 1:
            raise ShapeError(f"expand: only sizes of 1 can grow, got {tuple(input.shape)} for {wanted}")
        target.append(have if size == -1 else size)
    return _expand_rule(input, shape=Shape(target))


@public(samples=lambda: [call(array(3, 1), array(3, 4))])
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return `input` expanded to the shape of `other`."""
    return expand(input, other.shape)


@public(samples=lambda: [call(array(3, 1), (2, 3, 4))])
def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Return `input` expanded to `shape`."""
    return expand(input, shape)


@view
def _window_rule(x: Any, *, dim: int, size: int, step: int, dilation: int) -> Geometry:
    """Sliding windows over one dim, as a new last dim."""
    count = (x.shape[dim] - dilation * (size - 1) - 1) // step + 1
    shape = Shape((*x.shape[:dim], count, *x.shape[dim + 1 :], size))
    stride = x.strides[dim]
    strides = (*x.strides[:dim], stride * step, *x.strides[dim + 1 :], stride * dilation)
    return shape, canonical_strides(shape, strides), x.offset


def _window_vjp(g: Any, _out: Any, _x: Any, *, dim: int, size: int, step: int, dilation: int) -> Any:
    # every tap of the window is a strided slice of the input
    total = None
    for tap in range(size):
        how = {"dim": dim, "start": tap * dilation, "length": g.shape[dim], "step": step}
        part = place(g.select(-1, tap), into=_x, where=_slice_rule, how=how)
        total = part if total is None else total + part
    return total


_window_rule.vjp(_window_vjp)


def windows(input: Any, dim: int, size: int, step: int, dilation: int = 1) -> Any:
    """Return a view of sliding windows along `dim`, the window as a new last dim."""
    return _window_rule(input, dim=dim, size=size, step=step, dilation=dilation)


@public(method=False, samples=lambda: [call(array(7), 0, 3, 2), call(array(2, 6), 1, 2, 1)])
def sliding_windows(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return a view of all windows of `size` elements, `step` apart, along a dim; ``Tensor.unfold``."""
    dim = normalize_dim("unfold", dimension, len(input.shape))
    length = input.shape[dim] if input.shape else 1
    if not 0 < size <= length or step <= 0:
        raise ArgumentError(f"unfold: size must be in [1, {length}] and step positive, got {size} and {step}")
    return windows(input, dim, size, step)


@view
def _diagonal_rule(x: Any, *, offset: int, dim1: int, dim2: int) -> Geometry:
    """The diagonal of two dims, as a new last dim."""
    length = max(0, min(x.shape[dim1] + min(offset, 0), x.shape[dim2] - max(offset, 0)))
    rest = [i for i in range(len(x.shape)) if i not in (dim1, dim2)]
    shape = Shape((*(x.shape[i] for i in rest), length))
    strides = (*(x.strides[i] for i in rest), x.strides[dim1] + x.strides[dim2])
    start = max(-offset, 0) * x.strides[dim1] + max(offset, 0) * x.strides[dim2]
    return shape, canonical_strides(shape, strides), x.offset + (start if length else 0)


_diagonal_rule.vjp(
    lambda g, _out, _x, *, offset, dim1, dim2: place(
        g, into=_x, where=_diagonal_rule, how={"offset": offset, "dim1": dim1, "dim2": dim2}
    )
)


@public(samples=lambda: [call(array(3, 4)), call(array(3, 4), 1), call(array(2, 3, 3), -1, 1, 2)])
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of the diagonal of two dims, as a new last dim."""
    ndim = len(input.shape)
    a, b = normalize_dim("diagonal", dim1, ndim), normalize_dim("diagonal", dim2, ndim)
    if a == b or ndim < 2:
        raise ShapeError(f"diagonal: two different dims are required, got {dim1} and {dim2} of {ndim}")
    return _diagonal_rule(input, offset=offset, dim1=a, dim2=b)


@view
def _flip_rule(x: Any, *, dims: tuple[int, ...]) -> Geometry:
    """Walk dims backwards: negative strides."""
    strides = [-s if i in dims else s for i, s in enumerate(x.strides)]
    start = sum((x.shape[d] - 1) * x.strides[d] for d in dims) if x.shape.elements else 0
    return x.shape, canonical_strides(x.shape, strides), x.offset + start


_flip_rule.vjp(lambda g, _out, _x, *, dims: _flip_rule(g, dims=dims))


@public(samples=lambda: [call(array(3, 4), (0,)), call(array(3, 4), (0, 1)), call(array(5), (-1,))])
def flip(input: Tensor, *dims: Any) -> Tensor:
    """Return a copy with the order of elements reversed along `dims`."""
    ndim = len(input.shape)
    chosen = tuple(normalize_dim("flip", d, ndim) for d in varsizes("flip", dims))
    if len(set(chosen)) != len(chosen):
        raise ShapeError(f"flip: dims must be distinct, got {chosen}")
    return clone(_flip_rule(input, dims=chosen if ndim else ()))


@public(samples=lambda: [call(array(2, 3)), call(array(2, 3, 4), 3, (1, 2)), call(array(2, 3), 2)])
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Return a copy turned by `k` quarters in the plane of two dims, from the first towards the second."""
    if len(dims) != 2 or len(input.shape) < 2:
        raise ArgumentError(
            f"rot90: two dims of a tensor that has them are required, got {dims!r} for {tuple(input.shape)}"
        )
    a, b = (normalize_dim("rot90", d, len(input.shape)) for d in dims)
    turns = k % 4
    if turns == 0:
        return clone(input)
    if turns == 2:
        return flip(input, (a, b))
    return flip(transpose(input, a, b), (a if turns == 1 else b,))


# -- copies ------------------------------------------------------------------------------------------

#: PyTorch's names of layouts; every tensor made here is row-major.
MEMORY_FORMATS = ("contiguous_format", "preserve_format")


def check_memory_format(name: str, memory_format: Any) -> None:
    """Raise for a layout that tensors cannot have."""
    if memory_format is not None and memory_format not in MEMORY_FORMATS:
        raise ArgumentError(
            f"{name}: memory_format must be None or one of {MEMORY_FORMATS}, got {memory_format!r}"
        )


copy_op = Op("copy", lambda x: (x.shape, x.dtype), doc="Copy the elements of a tensor.")
copy_op.vjp(lambda g, _out, _x: g)


@public(samples=lambda: [call(array(3, 4)), call(array(4, 3, strided=True))])
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return a contiguous copy that carries gradients back to the original."""
    check_memory_format("clone", memory_format)
    return copy_op(input)


@public(samples=lambda: [call(array(3, 4)), call(array(4, 3, strided=True))])
def contiguous(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return the tensor itself if it is row-major in memory, else a copy that is."""
    check_memory_format("contiguous", memory_format)
    return input if input.strides is input.shape.strides else copy_op(input)
