"""Cross-entropy and negative log-likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, DTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.indexing import gather_op, index_select_op
from rustorch.ops.movement import expand, movedim, reshape
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.reduction import check_float, check_reduction, check_tensors
from rustorch.ops.samples import array, call, index
from rustorch.ops.select import where
from rustorch.ops.softmax import log_softmax_backward, log_softmax_op
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

# -- the fused op ------------------------------------------------------------------------------------


def _rule(logits: Any, target: Any, weight: Any, *, ignore_index: int) -> list[tuple[Shape, DType]]:
    return [(target.shape, logits.dtype), (logits.shape, logits.dtype)]


def _picked(log_probs: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    """Return -log p[target] per row, weighted; 0 for ignored rows."""
    kept = target != ignore_index
    safe = where(kept, target, 0)
    try:
        found = reshape(gather_op(log_probs, reshape(safe, (-1, 1)), dim=1), safe.shape)
    except OutOfBoundsError:
        values = safe.to_numpy()
        wrong = values[(values < 0) | (values >= log_probs.shape[1])][0]
        raise OutOfBoundsError(
            f"cross_entropy: target {wrong} is out of bounds for {log_probs.shape[1]} classes"
        ) from None
    if weight is not None:
        found = found * index_select_op(weight, safe, dim=0)
    return where(kept, -found, 0)


def _decomposition(logits: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    log_probs = log_softmax_op(logits, dim=1)
    return _picked(log_probs, target, weight, ignore_index), log_probs


cross_entropy_op = Op(
    "cross_entropy",
    _rule,
    decomposition=_decomposition,
    partner="cross_entropy_backward",
    doc="Loss per row, and log-softmax, of logits (N, C) and class numbers (N,).",
)


def _row_factor(target: Any, weight: Any, ignore_index: int, dtype: DType) -> Any:
    """Return the weight of each row: that of its class, 0 if it is ignored."""
    kept = (target != ignore_index).to(dtype)
    if weight is None:
        return kept
    return kept * index_select_op(weight, where(target != ignore_index, target, 0), dim=0)


def _one_hot(target: Any, like: Any, ignore_index: int) -> Any:
    safe = where(target != ignore_index, target, 0)
    return like.new_zeros(like.shape).scatter(1, reshape(safe, (-1, 1)), 1.0)


def _backward_rule(
    g: Any, log_probs: Any, target: Any, weight: Any, *, ignore_index: int
) -> tuple[Shape, DType]:
    return log_probs.shape, log_probs.dtype


def _backward(g: Any, log_probs: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    factor = g * _row_factor(target, weight, ignore_index, log_probs.dtype)
    return (log_probs.exp() - _one_hot(target, log_probs, ignore_index)) * factor.unsqueeze(1)


cross_entropy_backward = Op(
    "cross_entropy_backward", _backward_rule, decomposition=_backward, doc="Derivative by the logits."
)


def _logits_vjp(g: Any, out: Any, _logits: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    # a gradient of the second result comes only from differentiating the backward op
    g_loss, g_log_probs = g
    total = None
    if g_loss is not None:
        total = cross_entropy_backward(g_loss, out[1], target, weight, ignore_index=ignore_index)
    if g_log_probs is not None:
        more = log_softmax_backward(g_log_probs, out[1], dim=1)
        total = more if total is None else total + more
    return total


cross_entropy_op.vjp(_logits_vjp, None, None)


def _mean_rule(logits: Any, target: Any, weight: Any, *, ignore_index: int) -> list[tuple[Shape, DType]]:
    return [(Shape(()), logits.dtype), (logits.shape, logits.dtype), (Shape(()), logits.dtype)]


def _mean_decomposition(logits: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    losses, log_probs = cross_entropy_op(logits, target, weight, ignore_index=ignore_index)
    divisor = _row_factor(target, weight, ignore_index, losses.dtype).sum()
    return losses.sum() / divisor, log_probs, divisor


def _mean_vjp(g: Any, out: Any, logits: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    g_loss, g_log_probs, _ = g
    each = None if g_loss is None else expand(reshape(g_loss / out[2], (1,)), target.shape)
    return _logits_vjp((each, g_log_probs), out, logits, target, weight, ignore_index=ignore_index)


cross_entropy_mean_op = Op(
    "cross_entropy_mean",
    _mean_rule,
    decomposition=_mean_decomposition,
    non_differentiable=(2,),
    doc="Mean of the loss over the rows that count, log-softmax, and the weight of these rows.",
)
cross_entropy_mean_op.vjp(_mean_vjp, None, None)


def _g_vjp(h: Any, _out: Any, _g: Any, log_probs: Any, target: Any, weight: Any, *, ignore_index: int) -> Any:
    inner = (h * (log_probs.exp() - _one_hot(target, log_probs, ignore_index))).sum(1)
    return inner * _row_factor(target, weight, ignore_index, h.dtype)


def _log_probs_vjp(
    h: Any, _out: Any, g: Any, log_probs: Any, target: Any, weight: Any, *, ignore_index: int
) -> Any:
    factor = g * _row_factor(target, weight, ignore_index, h.dtype)
    return h * log_probs.exp() * factor.unsqueeze(1)


cross_entropy_backward.vjp(_g_vjp, _log_probs_vjp, None, None)

# -- checks and shapes -------------------------------------------------------------------------------


def _class_dim(name: str, input: Any) -> int:
    check_float(name, input)
    if not input.shape:
        raise ShapeError(f"{name}: the input must have a dim of classes, got a 0-d tensor")
    return 0 if len(input.shape) == 1 else 1


def _check_indices(name: str, input: Any, target: Any, dim: int) -> Any:
    """Check class numbers against (N, C, d1, ...) and return them as int64."""
    expected = (*input.shape[:dim], *input.shape[dim + 1 :])
    if tuple(target.shape) != expected:
        raise ShapeError(
            f"{name}: the target must have shape {expected} for an input of shape {tuple(input.shape)}, "
            f"got {tuple(target.shape)}"
        )
    if target.dtype.category != dtypes.INT:
        raise DTypeError(
            f"{name}: class numbers must be integers, got {target.dtype.name}", hint="use target.long()"
        )
    return target if target.dtype is dtypes.int64 else target.to(dtypes.int64)


def _check_weight(name: str, input: Any, weight: Any, dim: int) -> None:
    if weight is None:
        return
    check_tensors(name, weight=weight)
    if tuple(weight.shape) != (input.shape[dim],):
        raise ShapeError(
            f"{name}: one weight per class ({input.shape[dim]}) is required, got {tuple(weight.shape)}"
        )
    if weight.dtype is not input.dtype:
        raise DTypeError(
            f"{name}: the weight must be {input.dtype.name} as the input is, got {weight.dtype.name}"
        )


def _rows(x: Any, dim: int) -> Any:
    """Return (N, C, d1, ...) as rows of classes."""
    if len(x.shape) == 2:
        return x
    moved = movedim(x, dim, -1)
    return reshape(moved, (Shape(moved.shape[:-1]).elements, x.shape[dim]))


def _mean(total: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    """Return the total divided by the weight of all rows that count."""
    return total / _row_factor(target, weight, ignore_index, total.dtype).sum()


def _finish(losses: Any, target: Any, weight: Any, ignore_index: int, reduction: str, shape: Any) -> Any:
    if reduction == "none":
        return losses if losses.shape is shape else reshape(losses, shape)
    total = losses.sum()
    return total if reduction == "sum" else _mean(total, target, weight, ignore_index)


# -- functions ---------------------------------------------------------------------------------------

_WEIGHT = {"low": 0.2, "high": 2.0, "grad": False}


@public(
    method=False,
    samples=lambda: [
        call(array(3, 5), index(3, below=5)),
        call(array(5), index(below=5)),
        call(array(2, 5, 3), index(2, 3, below=5), reduction="none"),
        call(array(3, 5), index(3, below=5), array(5, **_WEIGHT)),
        call(array(6, 3), index(6, below=3), ignore_index=1, reduction="sum"),
        call(array(6, 3), index(6, below=3), array(3, **_WEIGHT), ignore_index=1, label_smoothing=0.2),
        call(array(2, 3, 4), index(2, 4, below=3), ignore_index=1, label_smoothing=0.1, reduction="none"),
        call(array(3, 5), array(3, 5, low=0.0, high=1.0)),
        call(array(2, 3, 4), array(2, 3, 4, low=0.0, high=1.0), array(3, **_WEIGHT), label_smoothing=0.1),
        call(array(3), array(3, low=0.0, high=1.0), reduction="sum"),
    ],
)
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of logits: -log(softmax(input)[target]).

    Args:
        input: logits (C,), (N, C) or (N, C, d1, ...).
        target: class numbers, of the input's shape without C; or probabilities, of the input's shape.
        weight: one factor per class (C,); the mean is then a weighted one.
        ignore_index: a class number whose rows do not count.
        reduction: "none", "mean" or "sum".
        label_smoothing: share of the target that is spread evenly over all classes, in [0, 1].

    Raises:
        ShapeError, DTypeError: if the operands do not fit.
        OutOfBoundsError: if a class number is not in [0, C).
    """
    name = "cross_entropy"
    check_tensors(name, input=input, target=target)
    check_reduction(name, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"{name}: label_smoothing must be in [0, 1], got {label_smoothing}")
    dim = _class_dim(name, input)
    _check_weight(name, input, weight, dim)
    if target.dtype.is_floating_point and target.shape == input.shape:
        return _of_probabilities(input, target, weight, reduction, label_smoothing, dim)
    target = _check_indices(name, input, target, dim)
    rows, numbers = _rows(input, dim), target if len(target.shape) == 1 else reshape(target, (-1,))
    if reduction == "mean" and not label_smoothing:
        return cross_entropy_mean_op(rows, numbers, weight, ignore_index=ignore_index)[0]
    losses, log_probs = cross_entropy_op(rows, numbers, weight, ignore_index=ignore_index)
    result = _finish(losses, numbers, weight, ignore_index, reduction, target.shape)
    if not label_smoothing:
        return result
    spread = -(log_probs if weight is None else log_probs * weight).sum(1)
    spread = where(numbers != ignore_index, spread, 0)
    even = _finish(spread, numbers, weight, ignore_index, reduction, target.shape)
    return result * (1 - label_smoothing) + even * (label_smoothing / rows.shape[1])


def _of_probabilities(
    input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float, dim: int
) -> Any:
    classes = input.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    parts = log_softmax_op(input, dim=dim) * target
    if weight is not None:
        parts = parts * reshape(weight, (classes,) + (1,) * (len(input.shape) - dim - 1))
    if reduction == "none":
        return -parts.sum(dim)
    total = -parts.sum()
    rows = input.shape.elements // classes if classes else 0
    return total / rows if reduction == "mean" and rows else total


@public(
    method=False,
    samples=lambda: [
        call(array(3, 5), index(3, below=5)),
        call(array(5), index(below=5)),
        call(array(2, 5, 3), index(2, 3, below=5), reduction="none"),
        call(array(6, 3), index(6, below=3), array(3, **_WEIGHT), ignore_index=1),
        call(array(6, 3), index(6, below=3), ignore_index=0, reduction="sum"),
    ],
)
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log-likelihood -input[target]; see :func:`cross_entropy` for the arguments.

    Args:
        input: log probabilities (C,), (N, C) or (N, C, d1, ...).
        target: class numbers, of the input's shape without C.
        weight: one factor per class (C,).
        ignore_index: a class number whose rows do not count.
        reduction: "none", "mean" or "sum".
    """
    name = "nll_loss"
    check_tensors(name, input=input, target=target)
    check_reduction(name, reduction)
    dim = _class_dim(name, input)
    _check_weight(name, input, weight, dim)
    target = _check_indices(name, input, target, dim)
    rows, numbers = _rows(input, dim), target if len(target.shape) == 1 else reshape(target, (-1,))
    losses = _picked(rows, numbers, weight, ignore_index)
    return _finish(losses, numbers, weight, ignore_index, reduction, target.shape)
