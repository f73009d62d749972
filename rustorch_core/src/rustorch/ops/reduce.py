"""Reductions.  The primitives keep reduced dims with size 1; the public functions drop them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rustorch import dtypes
from rustorch.base import allocate
from rustorch.dtypes import FLOAT, DType
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops import folding
from rustorch.ops.movement import expand, expand_to, reshape, reshape_to
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, mask
from rustorch.shape import Shape, normalize_dim, normalize_dims, reduced_shape
from rustorch.tape import mode, record

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Dim = int | Sequence[int] | None


class ValuesAndIndices(NamedTuple):
    """Extreme values along a dim and where they are."""

    values: Any
    indices: Any


@lru_cache(maxsize=4096)
def _shapes(shape: Shape, dim: tuple[int, ...]) -> tuple[Shape, Shape]:
    """Return the shape after a reduction, with the reduced dims as size 1 and without them."""
    return reduced_shape(shape, dim, keepdim=True), reduced_shape(shape, dim, keepdim=False)


def _kept(x: Any, *, dim: tuple[int, ...]) -> tuple[Shape, DType]:
    return _shapes(x.shape, dim)[0], x.dtype


def _indices(x: Any, *, dim: int) -> tuple[Shape, DType]:
    return reduced_shape(x.shape, (dim,), keepdim=True), dtypes.int64


class _Reduction(Op):
    """A reduction: the kernel writes reduced dims with size 1, the caller may have them dropped.

    Dropping dims of size 1 moves nothing, so the fresh result is given its final shape before
    anyone sees it, and no view has to be recorded.
    """

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        (x,) = operands
        dim, dtype, device = attrs["dim"], x.dtype, x.device
        kept, dropped = _shapes(x.shape, dim)
        out = allocate(kept, dtype, device)
        device.kernels[self.name][dtype](out, x, dim=dim)
        if not attrs.get("keepdim", True):
            out.shape = dropped
            out.strides = dropped.strides
        if x.needs_grad and mode.grad:
            record(self, out, (x,), {"dim": dim})
        return out


def _like_kept(value: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """Return a result, or its gradient, with the reduced dims as size 1."""
    kept = reduced_shape(x.shape, dim, keepdim=True)
    return value if value.shape is kept else reshape_to(value, kept)


def _spread(g: Any, out: Any, x: Any, *, dim: tuple[int, ...]) -> Any:
    """Share a gradient evenly among all elements that attain the extreme."""
    attained = (x == _like_kept(out, x, dim)).to(g.dtype)
    return _like_kept(g, x, dim) * attained / attained.sum(dim, keepdim=True)


def _others(g: Any, out: Any, x: Any, *, dim: tuple[int, ...]) -> Any:
    """Return g times the product of all other elements, right also where some are zero."""
    if x.dtype.itemsize == 2:  # the derivative of out / x is a difference of large terms
        wide = x.to(dtypes.float32)
        return _others(g.to(dtypes.float32), prod_op(wide, dim=dim), wide, dim=dim).to(g.dtype)
    g, out = _like_kept(g, x, dim), _like_kept(out, x, dim)
    if not bool((x == 0).any()):
        return g * out / x
    rest = [i for i in range(len(x.shape)) if i not in dim]
    flat = x.permute([*rest, *dim]).reshape([*(x.shape[i] for i in rest), -1])
    n = flat.shape[-1]
    # row i of the square holds all elements but the i-th, which is replaced by 1
    eye = flat.new_ones((n, n)).tril().triu().to(dtypes.bool_)
    products = expand(flat.unsqueeze(-2), [*flat.shape[:-1], n, n]).masked_fill(eye, 1).prod(-1)
    order = [*rest, *dim]
    back = sorted(range(len(order)), key=order.__getitem__)
    return g * products.reshape([x.shape[i] for i in order]).permute(back)


sum_op = _Reduction("sum", _kept, doc="Sum over dims.")
sum_op.vjp(lambda g, _out, _x, *, dim: expand_to(_like_kept(g, _x, dim), _x.shape))
prod_op = _Reduction("prod", _kept, decomposition=folding.prod, doc="Product over dims.").vjp(_others)
amax_op = _Reduction("amax", _kept, doc="Maximum over dims.").vjp(_spread)
amin_op = _Reduction("amin", _kept, decomposition=folding.amin, doc="Minimum over dims.").vjp(_spread)
sum_squares_op = _Reduction(
    "sum_squares",
    _kept,
    decomposition=lambda x, *, dim: sum_op(x * x, dim=dim),
    doc="Sum of squares over dims.",
).vjp(lambda g, _out, x, *, dim: (g + g if g.shape is x.shape else _like_kept(g + g, x, dim)) * x)
argmax_op = Op("argmax", _indices, decomposition=folding.argmax, doc="Position of the maximum along a dim.")
argmin_op = Op("argmin", _indices, decomposition=folding.argmin, doc="Position of the minimum along a dim.")
argmax_op.constant()
argmin_op.constant()


def _samples(**o: Any) -> Any:
    return lambda: [
        call(array(3, 4, **o)),
        call(array(3, 4, **o), 1),
        call(array(2, 3, 4, **o), (0, 2), True),
        call(array(2, 3, 4, **o), -2, keepdim=True),
        call(array(**o)),
        call(array(4, 6, strided=True, **o), 0),
    ]


def _dropped(result: Any, x: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    return result if keepdim else reshape_to(result, reduced_shape(x.shape, dims, keepdim=False))


def _widened(x: Any, dtype: Any) -> Any:
    """Sums of bools and integers are int64, as in PyTorch."""
    if dtype is not None:
        return x.to(dtypes.dtype_of(dtype))
    return x.to(dtypes.int64) if x.dtype.category < FLOAT and x.dtype is not dtypes.int64 else x


@public(samples=_samples())
def sum_(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over `dim` (an int, several, or None for all); integers add up in int64."""
    x = _widened(input, dtype)
    dims = normalize_dims("sum", dim, len(x.shape))
    return sum_op(x, dim=dims, keepdim=keepdim)


@public(samples=lambda: [call(array(3, 4)), call(array(3, 4), 1), call(array(3, 4), 0, True), call(array())])
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the product over `dim` (None for all); integers multiply in int64."""
    x = _widened(input, dtype)
    dims = normalize_dims("prod", dim, len(x.shape))
    return prod_op(x, dim=dims, keepdim=keepdim)


@public(samples=_samples())
def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over `dim`; the dtype must be a floating-point one."""
    x = input if dtype is None else input.to(dtypes.dtype_of(dtype))
    if x.dtype.category < FLOAT:
        raise DTypeError(
            f"mean: a floating-point dtype is required, got {x.dtype.name}",
            hint="pass dtype=rustorch.float32",
        )
    dims = normalize_dims("mean", dim, len(x.shape))
    total = sum_op(x, dim=dims, keepdim=keepdim)
    count = x.shape.elements // max(total.shape.elements, 1) if total.shape.elements else 1
    return total / count


def _need_elements(name: str, x: Any, dims: tuple[int, ...]) -> None:
    if x.dtype.category > FLOAT:
        raise DTypeError(f"{name}: complex numbers have no order, got {x.dtype.name}")
    if any(x.shape[d] == 0 for d in dims):
        raise ShapeError(f"{name}: cannot reduce over a dimension of size 0, got shape {tuple(x.shape)}")


@public(samples=_samples(distinct=True))
def amax(input: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
    """Return the maximum over `dim`; NaN if there is one.  Equal maxima share the gradient."""
    dims = normalize_dims("amax", dim, len(input.shape))
    _need_elements("amax", input, dims)
    return amax_op(input, dim=dims, keepdim=keepdim)


@public(samples=_samples(distinct=True))
def amin(input: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
    """Return the minimum over `dim`; NaN if there is one.  Equal minima share the gradient."""
    dims = normalize_dims("amin", dim, len(input.shape))
    _need_elements("amin", input, dims)
    return amin_op(input, dim=dims, keepdim=keepdim)


def _arg(op: Op, input: Any, dim: int | None, keepdim: bool) -> Any:
    if input.dtype in (dtypes.float16, dtypes.bfloat16):
        input = input.to(dtypes.float32)  # exact, and what kernels have
    if dim is None:
        _need_elements(op.name, input, tuple(range(len(input.shape))))
        found = op(reshape(input, (-1,)), dim=0)
        return reshape(found, (1,) * len(input.shape) if keepdim else ())
    axis = normalize_dim(op.name, dim, len(input.shape))
    x = input if input.shape else reshape(input, (1,))
    _need_elements(op.name, x, (axis,))
    found = op(x, dim=axis)
    if not input.shape:
        return reshape(found, ())
    return _dropped(found, x, (axis,), keepdim)


@public(
    differentiable=False,
    samples=lambda: [call(array(3, 4, distinct=True)), call(array(3, 4, distinct=True), 1, True)],
)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 position of the maximum along `dim` (of the flattened tensor if None); the lowest at ties."""
    return _arg(argmax_op, input, dim, keepdim)


@public(
    differentiable=False,
    samples=lambda: [call(array(3, 4, distinct=True)), call(array(3, 4, distinct=True), 1, True)],
)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 position of the minimum along `dim` (of the flattened tensor if None); the lowest at ties."""
    return _arg(argmin_op, input, dim, keepdim)


def _extreme(name: str, reduce: Any, arg: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        return reduce(input)
    if not isinstance(dim, int):
        return getattr(input, f"{name}imum")(dim)
    indices = arg(input, dim, True)
    values = input.gather(dim, indices) if input.shape else input.clone()
    if keepdim or not input.shape:
        return ValuesAndIndices(values, indices)
    axis = normalize_dim(name, dim, len(input.shape))
    shape = reduced_shape(input.shape, (axis,), keepdim=False)
    return ValuesAndIndices(reshape_to(values, shape), reshape_to(indices, shape))


_EXTREME_SAMPLES = lambda: [  # noqa: E731 - shared by max and min
    call(array(3, 4, distinct=True)),
    call(array(3, 4, distinct=True), 1),
    call(array(3, 4, distinct=True), 0, True),
]


@public(samples=_EXTREME_SAMPLES)
def max_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the maximum of all elements; with `dim` the pair (values, indices) along it.

    ``max(a, b)`` with a tensor `b` is ``maximum(a, b)``.
    """
    return _extreme("max", amax, argmax, input, dim, keepdim)


@public(samples=_EXTREME_SAMPLES)
def min_(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the minimum of all elements; with `dim` the pair (values, indices) along it.

    ``min(a, b)`` with a tensor `b` is ``minimum(a, b)``.
    """
    return _extreme("min", amin, argmin, input, dim, keepdim)


def _truth(name: str, op: Op, of_nothing: bool, input: Any, dim: Dim, keepdim: bool) -> Any:
    """Return the extreme of what is nonzero."""
    dims = normalize_dims(name, dim, len(input.shape))
    if any(input.shape[d] == 0 for d in dims):
        shape = reduced_shape(input.shape, dims, keepdim=keepdim)
        return input.new_full(shape, of_nothing, dtype=dtypes.bool_)
    nonzero = input if input.dtype is dtypes.bool_ else input != 0
    return op(nonzero, dim=dims, keepdim=keepdim)


@public(differentiable=False, samples=lambda: [call(mask(3, 4)), call(mask(3, 4), 1), call(mask(0))])
def all_(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return whether all elements over `dim` are nonzero (True for none at all)."""
    return _truth("all", amin_op, True, input, dim, keepdim)


@public(differentiable=False, samples=lambda: [call(mask(3, 4)), call(mask(3, 4), 1), call(mask(0))])
def any_(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return whether any element over `dim` is nonzero (False for none at all)."""
    return _truth("any", amax_op, False, input, dim, keepdim)


_SPREAD_SAMPLES = lambda: [  # noqa: E731 - shared by var and std
    call(array(3, 4)),
    call(array(3, 4), 1),
    call(array(2, 3, 4), (0, 2), keepdim=True),
    call(array(3, 4), 0, correction=0),
]


@public(samples=_SPREAD_SAMPLES)
def var(
    input: Tensor,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
    unbiased: bool | None = None,
) -> Tensor:
    """Return the variance over `dim`: the sum of squared deviations over (n - correction).

    Args:
        input: a floating-point tensor.
        dim: the dims; None for all.
        keepdim: keep the reduced dims with size 1.
        correction: 1 for the sample's variance, 0 for the population's.
        unbiased: PyTorch's older spelling: True is ``correction=1``, False ``correction=0``.
    """
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(unbiased)
    dims = normalize_dims("var", dim, len(input.shape))
    centred = input - mean(input, dims, True)
    count = Shape(input.shape[d] for d in dims).elements if input.shape else 1
    total = sum_squares_op(centred, dim=dims, keepdim=keepdim)
    rest = count - correction
    return total / rest if rest > 0 else total / 0.0


@public(samples=_SPREAD_SAMPLES)
def std(
    input: Tensor,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
    unbiased: bool | None = None,
) -> Tensor:
    """Return the standard deviation over `dim`, the square root of :func:`var`."""
    return var(input, dim, keepdim, correction=correction, unbiased=unbiased).sqrt()


@public(samples=lambda: [call(array(3, 4), 0), call(array(3, 4), 1), call(array(3, 4), (0, 1), True)])
def logsumexp(input: Tensor, dim: Dim, keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(x))) over `dim`, without overflow."""
    dims = normalize_dims("logsumexp", dim, len(input.shape))
    top = amax(input.detach(), dims, True)
    top = top.masked_fill(~top.isfinite(), 0)
    total = sum_op((input - top).exp(), dim=dims, keepdim=True).log() + top
    return _dropped(total, input, dims, keepdim)


@public(
    samples=lambda: [
        call(array(3, 4)), call(array(3, 4), 1, 1), call(array(3, 4, distinct=True), float("inf"), 0),
        call(array(3, 4), 3, (0, 1), True), call(array(3, 4), "fro"),
    ]
)  # fmt: skip
def norm(input: Tensor, p: float | str = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return the vector norm (sum |x|^p)^(1/p) over `dim`; "fro" is 2, inf and -inf the extremes, 0 counts."""
    dims = normalize_dims("norm", dim, len(input.shape))
    if p in ("fro", 2):
        return root(sum_squares_op(input, dim=dims, keepdim=keepdim))
    if isinstance(p, str):
        raise ArgumentError(f"norm: p must be a number or 'fro', got {p!r}")
    if p == float("inf"):
        return amax(input.abs(), dims, keepdim)
    if p == float("-inf"):
        return amin(input.abs(), dims, keepdim)
    if p == 0:
        return sum_((input != 0).to(input.dtype), dims, keepdim)
    if p == 1:
        return sum_(input.abs(), dims, keepdim)
    total = sum_op(input.abs().pow(p), dim=dims)
    return _dropped(total.pow(1.0 / p), input, dims, keepdim)


def root(squares: Any) -> Any:
    """Return the square root with derivative 0 at 0, the usual subgradient of a norm."""
    from rustorch.ops.select import where

    if not squares.requires_grad:
        return squares.sqrt()
    zero = squares == 0
    return where(zero, 0.0, where(zero, 1.0, squares).sqrt())


@public(samples=lambda: [call(array(3, 4), (4,)), call(array(2, 3, 4), (3, 1)), call(array(3), (3,))])
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Return the sum over the dims that broadcasting from `size` would have repeated."""
    from rustorch.shape import as_shape

    target = Shape(as_shape("sum_to_size", size))
    if target is input.shape:
        return input
    extra = len(input.shape) - len(target)
    fits = extra >= 0 and all(t in (1, s) for s, t in zip(input.shape[extra:], target, strict=True))
    if not fits:
        raise ShapeError(f"sum_to_size: {tuple(target)} does not broadcast to {tuple(input.shape)}")
    dims = tuple(i for i, s in enumerate(input.shape) if i < extra or (target[i - extra] == 1 and s != 1))
    return reshape(sum_op(input, dim=dims) if dims else input, target)
