"""Products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase
from rustorch.dtypes import DType
from rustorch.errors import ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.einsum import contract
from rustorch.ops.joining import roll
from rustorch.ops.movement import expand_to, reshape, reshape_to, transpose, transposed
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.reduce import sum_op
from rustorch.ops.samples import array, call
from rustorch.ops.select import where
from rustorch.shape import Shape, broadcast_shapes, normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _flat2d(x: Any) -> Any:
    return x if len(x.shape) == 2 else reshape(x, (-1, x.shape[-1]))


def _matmul_rule(a: Any, b: Any) -> tuple[Shape, DType]:
    return Shape((*a.shape[:-1], b.shape[-1])), a.dtype


matmul_op = Op("matmul", _matmul_rule, doc="Batched matrix product of operands with equal batch dims.")
matmul_op.vjp(
    lambda g, _out, _a, b: matmul_op(g, transposed(b)),
    lambda g, _out, a, _b: matmul_op(transposed(a), g),
)


def _check_pair(name: str, a: Any, b: Any) -> None:
    for x in (a, b):
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: expected tensors, got {type(x).__name__}")
    if a.dtype is not b.dtype:
        raise DTypeError(
            f"{name}: both operands must have one dtype, got {a.dtype.name} and {b.dtype.name}",
            hint="convert one with .to()",
        )


@public(
    samples=lambda: [
        call(array(3, 4), array(4, 5)), call(array(4), array(4)), call(array(3, 4), array(4)),
        call(array(4), array(4, 2)),
        call(array(2, 3, 4), array(4, 5)), call(array(2, 1, 3, 4), array(5, 4, 2)), call(array(0, 4), array(4, 3)),
        call(array(3, 0), array(0, 2)), call(array(4, 6, strided=True), array(6, 4, strided=True)),
    ]
)  # fmt: skip
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the matrix product ``input @ other``.

    Args:
        input: (..., n, k), or (k,) taken as one row.
        other: (..., k, m), or (k,) taken as one column; batch dims broadcast.
        out: receives the result.

    Returns:
        (..., n, m), without the dims that vectors do not have.

    Raises:
        ShapeError: if the inner sizes differ or an operand is 0-d.
        DTypeError: if the dtypes differ.
    """
    _check_pair("matmul", input, other)
    a, b = input, other
    if not a.shape or not b.shape:
        raise ShapeError(
            "matmul: both operands need at least one dim, got a 0-d tensor", hint="use * for scalars"
        )
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ShapeError(f"matmul: inner sizes must match, got {tuple(a.shape)} @ {tuple(b.shape)}")
    if len(a.shape) == 1:
        a = reshape(a, (1, -1))
    if len(b.shape) == 1:
        b = reshape(b, (-1, 1))
    if len(b.shape) == 2 and len(a.shape) > 2:
        result = reshape(matmul_op(_flat2d(a), b), (*a.shape[:-1], b.shape[-1]))
    elif len(a.shape) == len(b.shape) == 2:
        result = matmul_op(a, b)
    else:
        batch = broadcast_shapes("matmul", a.shape[:-2], b.shape[:-2])
        result = matmul_op(
            expand_to(a, Shape((*batch, *a.shape[-2:]))), expand_to(b, Shape((*batch, *b.shape[-2:])))
        )
    if len(other.shape) == 1:
        result = reshape(result, result.shape[:-1])
    if len(input.shape) == 1:
        result = reshape(result, (*result.shape[:-2], result.shape[-1]) if len(other.shape) > 1 else ())
    return result if out is None else out.copy_(result)


def _ranked(name: str, x: Any, ndim: int) -> None:
    if len(x.shape) != ndim:
        raise ShapeError(f"{name}: a tensor of {ndim} dims is required, got shape {tuple(x.shape)}")


@public(samples=lambda: [call(array(3, 4), array(4, 5))])
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the product of two matrices (n, k) and (k, m); nothing broadcasts."""
    _ranked("mm", input, 2)
    _ranked("mm", mat2, 2)
    return matmul(input, mat2, out=out)


@public(samples=lambda: [call(array(2, 3, 4), array(2, 4, 5))])
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the products of two batches of matrices (b, n, k) and (b, k, m); nothing broadcasts."""
    _ranked("bmm", input, 3)
    _ranked("bmm", mat2, 3)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm: batch sizes must be equal, got {tuple(input.shape)} and {tuple(mat2.shape)}")
    return matmul(input, mat2, out=out)


@public(samples=lambda: [call(array(3, 4), array(4))])
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix (n, k) and a vector (k,)."""
    _ranked("mv", input, 2)
    _ranked("mv", vec, 1)
    return matmul(input, vec)


@public(samples=lambda: [call(array(5), array(5)), call(array(0), array(0))])
def dot(input: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of two vectors."""
    _ranked("dot", input, 1)
    _ranked("dot", other, 1)
    return matmul(input, other)


@public(samples=lambda: [call(array(3), array(4))], aliases=("ger",))
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the outer product of two vectors, (n, m)."""
    _ranked("outer", input, 1)
    _ranked("outer", vec2, 1)
    return input.unsqueeze(1) * vec2


@public(
    samples=lambda: [
        call(array(5), array(3, 4), array(4, 5)),
        call(array(3, 5), array(3, 4), array(4, 5), beta=0.5, alpha=2.0),
    ]
)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return ``beta * input + alpha * (mat1 @ mat2)``."""
    product = mm(mat1, mat2)
    if alpha != 1:
        product = product * alpha
    return product + (input if beta == 1 else input * beta)


# -- linear ------------------------------------------------------------------------------------------


def _linear_rule(x: Any, weight: Any, bias: Any) -> tuple[Shape, DType]:
    if len(weight.shape) != 2:
        raise ShapeError(f"linear: the weight must have 2 dims (out, in), got {tuple(weight.shape)}")
    if not x.shape or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: the input's last size must be {weight.shape[1]}, got input {tuple(x.shape)}"
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ShapeError(f"linear: the bias must have shape ({weight.shape[0]},), got {tuple(bias.shape)}")
    for operand in (weight, bias):
        if operand is not None and operand.dtype is not x.dtype:
            raise DTypeError(
                f"linear: all operands must have one dtype, got input {x.dtype.name} and {operand.dtype.name}",
                hint="convert the input with .to(), or the module with module.to()",
            )
    return Shape((*x.shape[:-1], weight.shape[0])), x.dtype


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    product = matmul(x, transpose(weight, 0, 1))
    return product if bias is None else product + bias


linear_op = Op("linear", _linear_rule, decomposition=_linear, doc="Affine map of the last dim.")
linear_op.vjp(
    lambda g, _out, _x, weight, _bias: matmul(g, weight),
    lambda g, _out, x, _weight, _bias: matmul_op(transposed(_flat2d(g)), _flat2d(x)),
    lambda g, _out, _x, _weight, _bias: reshape_to(sum_op(_flat2d(g), dim=(0,)), _bias.shape),
)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(5, 4), array(5)), call(array(2, 3, 4), array(5, 4)),
        call(array(4), array(5, 4), array(5)),
        call(array(0, 4), array(5, 4), array(5)),
    ],
)  # fmt: skip
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``.

    Args:
        input: (..., in).
        weight: (out, in).
        bias: (out,) or None.

    Returns:
        (..., out).

    Raises:
        ShapeError, DTypeError: if shapes or dtypes do not fit.
    """
    return linear_op(input, weight, bias)


@public(
    method=False,
    samples=lambda: [call(array(3, 2), array(3, 4), array(5, 2, 4), array(5))],
)
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``y_k = x1^T W_k x2 + b_k``; weight is (out, in1, in2)."""
    for name, x in (("input1", input1), ("input2", input2), ("weight", weight)):
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"bilinear: {name} must be a tensor, got {type(x).__name__}")
    left = matmul(input1, weight.permute(1, 0, 2).reshape(weight.shape[1], -1))
    left = left.reshape((*input1.shape[:-1], weight.shape[0], weight.shape[2]))
    result = (left * input2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


@public(samples=lambda: [call(array(3), array(3)), call(array(2, 3), array(2, 3), 1)])
def cross(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """Return the cross product of vectors of 3 elements along `dim`."""
    axis = normalize_dim("cross", dim, len(input.shape))
    if len(input.shape) != len(other.shape) or not input.shape:
        raise ShapeError(
            f"cross: as many dims are required, at least one, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise ShapeError(
            f"cross: size 3 is required along dimension {axis}, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    return roll(input, -1, axis) * roll(other, -2, axis) - roll(input, -2, axis) * roll(other, -1, axis)


@public(samples=lambda: [call(array(3, 4), array(3, 4)), call(array(5), array(5), 1)])
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of ``input - other``."""
    return (input - other).norm(p)


@public(samples=lambda: [call(array(4, 4)), call(array(3, 5), 1), call(array(2, 3, 3), -1)])
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle of matrices, zeros above the given diagonal."""
    # chosen, since a product would make NaN of inf; False, since it is zero in every dtype
    return where(_triangle(input, diagonal), input, False)


@public(samples=lambda: [call(array(4, 4)), call(array(3, 5), 1), call(array(2, 3, 3), -1)])
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle of matrices, zeros below the given diagonal."""
    return where(_triangle(input, diagonal - 1), False, input)


def _triangle(x: Any, diagonal: int) -> Any:
    if len(x.shape) < 2:
        raise ShapeError(f"tril: at least 2 dims are required, got {tuple(x.shape)}")
    rows = x.new_arange(x.shape[-2]).unsqueeze(1)
    columns = x.new_arange(x.shape[-1]) - diagonal
    return columns <= rows


@public(samples=lambda: [call(array(4)), call(array(3), 1), call(array(3, 4))])
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or a matrix with the given diagonal."""
    if len(input.shape) == 2:
        return input.diagonal(diagonal).clone()
    _ranked("diag", input, 1)
    size = input.shape[0] + abs(diagonal)
    result = input.new_zeros((size, size))
    result.diagonal(diagonal).copy_(input)
    return result


@public(samples=lambda: [call(array(3, 3)), call(array(2, 4))])
def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal."""
    _ranked("trace", input, 2)
    return input.diagonal().sum()


@public(
    method=False,
    samples=lambda: [
        call("ij,jk->ik", array(2, 3), array(3, 4)),
        call("bij,bjk", array(2, 2, 3), array(2, 3, 2)),
        call("ii->i", array(3, 3)),
        call("i,j->ij", array(2), array(3)),
        call("bhqd,bhkd->bhqk", array(2, 2, 3, 4), array(2, 2, 3, 4)),
    ],
)
def einsum(equation: str, *operands: Tensor | Sequence[Tensor]) -> Tensor:
    """Return a sum of products in Einstein's notation, e.g. ``einsum("bij,bjk->bik", a, b)``.

    Operands are contracted from left to right, each pair as one batched matrix product.
    """
    given = (
        list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    )
    if not isinstance(equation, str):
        raise ArgumentTypeError(f"einsum: the equation must be a string, got {type(equation).__name__}")
    if not all(isinstance(x, TensorBase) for x in given):
        raise ArgumentTypeError(
            f"einsum: expected tensors, got {', '.join(sorted({type(x).__name__ for x in given}))}"
        )
    return contract(equation, given)
