"""Looking up rows of a table, and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.errors import ArgumentError, DTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.indexing import index_add, index_select_op
from rustorch.ops.movement import reshape
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.reduction import check_tensors
from rustorch.ops.samples import array, call, index
from rustorch.ops.select import where

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


class _Rows(Op):
    """Rows of a table, one of which gets no gradient; the forward kernel is that of index_select."""

    dispatched = False

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        weight, numbers = operands
        out = index_select_op(weight.detach(), numbers, dim=0)
        return self.recorded(out, operands, attrs)

    def recorded(self, out: Any, operands: Any, attrs: Any) -> Any:
        """Write the call on the tape, if the table wants a gradient."""
        from rustorch.tape import record, wants_grad

        if wants_grad(operands):
            record(self, out, operands, attrs)
        return out


_rows = _Rows("embedding", lambda weight, numbers, *, padding_idx: None, doc="Rows of a table.")


def _rows_vjp(g: Any, _out: Any, _weight: Any, numbers: Any, *, padding_idx: int) -> Any:
    kept = reshape(numbers != padding_idx, (-1, 1))
    return index_add(g.new_zeros(_weight.shape), 0, numbers, where(kept, g, 0))


_rows.vjp(_rows_vjp, None)


@public(
    method=False,
    samples=lambda: [
        call(index(3, below=5), array(5, 4)),
        call(index(2, 3, below=5, low=2), array(5, 2), padding_idx=1),
        call(index(below=5), array(5, 2)),
        call(index(0, 2, below=5), array(5, 2), -1),
        call(index(4, below=5), array(5, 2), scale_grad_by_freq=True),
    ],
)
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return ``weight[input]``: rows of a table.

    Args:
        input: integers of any shape (...).
        weight: the table (num, dim).
        padding_idx: a row that gets no gradient; negative ones count from the end.
        max_norm: rescale, in place, the rows that are looked up to at most this norm.
        norm_type: p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it is looked up.
        sparse: not supported; gradients are dense.

    Returns:
        (..., dim).

    Raises:
        OutOfBoundsError: if a number is not in [0, num).
    """
    name = "embedding"
    check_tensors(name, input=input, weight=weight)
    if input.dtype.category != dtypes.INT:
        raise DTypeError(
            f"{name}: the input must be integers, got {input.dtype.name}", hint="use input.long()"
        )
    if len(weight.shape) != 2:
        raise ShapeError(f"{name}: the weight must have 2 dims (num, dim), got shape {tuple(weight.shape)}")
    if sparse:
        raise ArgumentError(f"{name}: sparse gradients do not exist", hint="leave sparse=False")
    count, size = weight.shape
    numbers: Any = input if input.dtype is dtypes.int64 else input.to(dtypes.int64)
    if len(numbers.shape) != 1:
        numbers = reshape(numbers, (-1,))
    if max_norm is not None:
        _renormalize(weight, numbers, max_norm, norm_type)
    if scale_grad_by_freq:
        weight = _scaled_by_frequency(weight, numbers)
    if padding_idx is None:
        rows = index_select_op(weight, numbers, dim=0)
    else:
        if not -count <= padding_idx < count:
            raise ArgumentError(f"{name}: padding_idx must be in [{-count}, {count - 1}], got {padding_idx}")
        rows = _rows(weight, numbers, padding_idx=padding_idx % count)
    return rows if len(input.shape) == 1 else reshape(rows, (*input.shape, size))


def _renormalize(weight: Any, numbers: Any, max_norm: float, norm_type: float) -> None:
    table = weight.detach()
    used = (
        table.new_zeros((table.shape[0], 1)).index_add(0, numbers, table.new_ones((numbers.shape[0], 1))) > 0
    )
    norms = table.norm(norm_type, 1, True)
    # 1e-7 as PyTorch, which keeps the result below the limit
    factor = where(used.logical_and(norms > max_norm), max_norm / (norms + 1e-7), 1)
    table.mul_(factor.to(table.dtype))


def _scaled_by_frequency(weight: Any, numbers: Any) -> Any:
    counts = weight.new_zeros((weight.shape[0], 1)).index_add(
        0, numbers, weight.new_ones((numbers.shape[0], 1))
    )
    share = 1 / counts.maximum(1)
    # the value is the table's; the derivative is scaled
    return weight.detach() * (1 - share) + weight * share


@public(
    differentiable=False,
    method=False,
    samples=lambda: [call(index(3, below=4), 4), call(index(2, 2, below=3), 5)],
)
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 vectors that are 1 at the given class and 0 elsewhere.

    Args:
        tensor: class numbers, int64, of any shape (...).
        num_classes: size of the new last dim; one more than the largest number if -1.

    Raises:
        OutOfBoundsError: if a class number is negative or not below `num_classes`.
    """
    check_tensors("one_hot", tensor=tensor)
    if tensor.dtype is not dtypes.int64:
        raise DTypeError(
            f"one_hot: int64 class numbers are required, got {tensor.dtype.name}", hint="use .long()"
        )
    if not tensor.shape.elements:
        if num_classes <= 0:
            raise ArgumentError("one_hot: num_classes must be given for a tensor without elements")
        return tensor.new_zeros((*tensor.shape, num_classes))
    low, high = int(tensor.min()), int(tensor.max())
    if num_classes == -1:
        num_classes = high + 1
    if num_classes < 1:
        raise ArgumentError(f"one_hot: num_classes must be positive or -1, got {num_classes}")
    if low < 0 or high >= num_classes:
        wrong = low if low < 0 else high
        raise OutOfBoundsError(f"one_hot: class {wrong} is out of bounds for {num_classes} classes")
    zeros: Any = tensor.new_zeros((*tensor.shape, num_classes))
    return zeros.scatter(-1, tensor.unsqueeze(-1), 1)
