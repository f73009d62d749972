"""Distances and similarities of vectors, and the losses that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.ops.activation import logsigmoid
from rustorch.ops.public import public
from rustorch.ops.reduction import check_reduction, check_tensors, reduced
from rustorch.ops.samples import array, call
from rustorch.ops.select import where
from rustorch.shape import broadcast_shapes, normalize_dim

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4)),
        call(array(3, 4), array(3, 4), 0),
        call(array(2, 3, 4), array(1, 3, 1), dim=-2),
        call(array(5), array(5), dim=0, eps=1e-4),
    ],
)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`; the inputs broadcast."""
    check_tensors("cosine_similarity", x1=x1, x2=x2)
    shape = broadcast_shapes("cosine_similarity", x1.shape, x2.shape)
    axis = normalize_dim("cosine_similarity", dim, len(shape))
    a, b = x1.expand(shape), x2.expand(shape)
    lengths = a.norm(2, axis).clamp(min=eps) * b.norm(2, axis).clamp(min=eps)
    return (a * b).sum(axis) / lengths


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4)),
        call(array(3, 4), array(4), p=1, keepdim=True),
        call(array(2, 3, 4), array(2, 3, 4), 3),
        call(array(4), array(4)),
    ],
)
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of x1 - x2 + eps along the last dim."""
    check_tensors("pairwise_distance", x1=x1, x2=x2)
    return (x1 - x2 + eps).norm(p, -1, keepdim)


_SIGN = {"low": -1.0, "high": 1.0, "grad": False, "distinct": True}


@public(
    method=False,
    samples=lambda: [
        call(
            array(4, low=0.2, distinct=True),
            array(4, low=-1.0, distinct=True),
            array(4, low=0.9, high=1.0, grad=False),
        ),
        call(array(3, 4, distinct=True), array(3, 4), array(3, 4, **_SIGN), 0.3, reduction="sum"),
        call(array(3, distinct=True), array(3), array(3, **_SIGN), reduction="none"),
    ],
)
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """Return max(0, margin - target (input1 - input2)); targets are 1 (input1 should be larger) and -1."""
    check_tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    check_reduction("margin_ranking_loss", reduction)
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


def _chosen(target: Any, positive: Any, negative: Any) -> Any:
    """Return one term where the target is 1 and another where it is -1."""
    return where(target == 1, positive, where(target == -1, negative, 0))


@public(
    method=False,
    samples=lambda: [
        call(array(4, distinct=True), array(4, low=1.0, high=1.0, grad=False)),
        call(array(3, 4, distinct=True), array(3, 4, low=-1.0, high=-1.0, grad=False), 0.3, reduction="sum"),
        call(array(3, distinct=True), array(3, **_SIGN), reduction="none"),
    ],
)
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Return the input where the target is 1, and max(0, margin - input) where it is -1."""
    check_tensors("hinge_embedding_loss", input=input, target=target)
    check_reduction("hinge_embedding_loss", reduction)
    far = where(target != 1, (margin - input).clamp(min=0), 0)
    return reduced(far + where(target != -1, input, 0), reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4), array(3, low=1.0, high=1.0, grad=False)),
        call(array(3, 4), array(3, 4), array(3, low=-1.0, high=-1.0, grad=False), -0.9, reduction="sum"),
        call(array(4), array(4), array(low=1.0, high=1.0, grad=False), reduction="none"),
    ],
)
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """Return 1 - cos where the target is 1, and max(0, cos - margin) where it is -1.

    Args:
        input1: (N, D) or (D,).
        input2: of the same shape.
        target: (N,) or ().
        margin: in [-1, 1].
        reduction: "none", "mean" or "sum".
    """
    name = "cosine_embedding_loss"
    check_tensors(name, input1=input1, input2=input2, target=target)
    check_reduction(name, reduction)
    if len(target.shape) not in (0, 1) or len(input1.shape) != len(target.shape) + 1:
        raise ShapeError(
            f"{name}: inputs (N, D) with target (N,), or (D,) with (), are required, "
            f"got {tuple(input1.shape)}, {tuple(input2.shape)} and {tuple(target.shape)}"
        )
    tiny = 1e-12  # PyTorch's: keeps the root away from 0
    squares = (input1.square().sum(-1) + tiny) * (input2.square().sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    return reduced(_chosen(target, 1 - cosine, (cosine - margin).clamp(min=0)), reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4), array(3, 4)),
        call(array(3, 4), array(3, 4), array(3, 4), margin=3.0, swap=True, reduction="sum"),
        call(array(3, 4), array(3, 4), array(3, 4), margin=5.0, p=1, reduction="none"),
    ],
)
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin + d(anchor, positive) - d(anchor, negative)) (Balntas et al., 2016).

    Args:
        anchor: (N, D) or (D,).
        positive: of the same shape.
        negative: of the same shape.
        margin: must be positive.
        p: of the norm.
        eps: is added to the differences.
        swap: take d(positive, negative) where it is smaller than d(anchor, negative).
        reduction: "none", "mean" or "sum".
    """
    name = "triplet_margin_loss"
    check_tensors(name, anchor=anchor, positive=positive, negative=negative)
    check_reduction(name, reduction)
    if margin <= 0:
        raise ArgumentError(f"{name}: margin must be positive, got {margin}")
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced((near - far + margin).clamp(min=0), reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4, **_SIGN)),
        call(array(3), array(3, **_SIGN), reduction="none"),
    ],
)
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return log(1 + exp(-target input)), for targets 1 and -1."""
    check_tensors("soft_margin_loss", input=input, target=target)
    check_reduction("soft_margin_loss", reduction)
    return reduced(-logsigmoid(target * input), reduction)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(3, 4, low=0.0, high=1.0, grad=False)),
        call(
            array(3, 4),
            array(3, 4, low=0.0, high=1.0, grad=False),
            array(4, low=0.2, grad=False),
            reduction="none",
        ),
    ],
)
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return the mean over classes (the last dim) of binary cross-entropy with logits."""
    check_tensors("multilabel_soft_margin_loss", input=input, target=target)
    check_reduction("multilabel_soft_margin_loss", reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.mean(-1), reduction)
