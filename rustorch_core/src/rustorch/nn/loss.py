"""Losses as modules: functions of :mod:`rustorch.nn.functional` with their settings."""

from __future__ import annotations

from typing import Any

from rustorch.errors import ArgumentError
from rustorch.nn.module import Module
from rustorch.ops import loss as losses
from rustorch.ops import ranking
from rustorch.ops.cross_entropy import cross_entropy, nll_loss
from rustorch.ops.reduction import REDUCTIONS, check_reduction


class _Loss(Module):
    """A loss with a `reduction`: "none", "mean" or "sum".  Abstract."""

    reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, reduction: str = "mean") -> None:
        """Make the loss."""
        super().__init__()
        check_reduction(type(self).__name__, reduction, self.reductions)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with a `weight`, which moves with the module.  Abstract."""

    weight: Any

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """``(input - target)^2``.

    >>> import rustorch
    >>> rustorch.nn.MSELoss()(rustorch.tensor([1.0, 3.0]), rustorch.zeros(2))
    tensor(5.)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """``|input - target|``."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.l1_loss(input, target, self.reduction)


class SmoothL1Loss(_Loss):
    """The squared difference below `beta` (over 2 beta), the absolute one above."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """Half the squared difference below `delta`, delta times the absolute one above."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.huber_loss(input, target, self.reduction, self.delta)


class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of logits and class numbers (or probabilities); see ``functional.cross_entropy``.

    Shape: input (N, C, ...), target (N, ...).

    >>> import rustorch
    >>> loss = rustorch.nn.CrossEntropyLoss()
    >>> loss(rustorch.zeros(2, 4), rustorch.tensor([1, 3]))
    tensor(1.3863)
    """

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        """Make the loss.

        Args:
            weight: one factor per class.
            ignore_index: a class number whose rows do not count.
            reduction: "none", "mean" or "sum".
            label_smoothing: share of the target that is spread over all classes.
        """
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class NLLLoss(_WeightedLoss):
    """Negative log-likelihood of log probabilities and class numbers."""

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        """Make the loss; see `CrossEntropyLoss` for the arguments."""
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """Binary cross-entropy of logits, without overflow."""

    pos_weight: Any

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        """Make the loss; `weight` and `pos_weight` broadcast with the input."""
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence of log probabilities from a target."""

    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        """Make the loss; "batchmean" is the reduction of the mathematical definition."""
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.kl_div(input, target, self.reduction, self.log_target)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of a normal distribution with given means and variances."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        """Make the loss; see ``functional.gaussian_nll_loss`` for the arguments."""
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """Return the loss."""
        return losses.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of a Poisson distribution with a given rate."""

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        """Make the loss; see ``functional.poisson_nll_loss`` for the arguments."""
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Any:
        """Return the loss."""
        return losses.poisson_nll_loss(log_input, target, self.log_input, self.full, self.eps, self.reduction)


class CosineEmbeddingLoss(_Loss):
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """Return the loss."""
        return ranking.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MarginRankingLoss(_Loss):
    """``max(0, margin - target (input1 - input2))``."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """Return the loss."""
        return ranking.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(_Loss):
    """The input where the target is 1, ``max(0, margin - input)`` where it is -1."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        """Make the loss."""
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return ranking.hinge_embedding_loss(input, target, self.margin, self.reduction)


class TripletMarginLoss(_Loss):
    """``max(0, margin + d(anchor, positive) - d(anchor, negative))``."""

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        """Make the loss; see ``functional.triplet_margin_loss`` for the arguments."""
        super().__init__(reduction)
        if margin <= 0:
            raise ArgumentError(f"TripletMarginLoss: margin must be positive, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss."""
        return ranking.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class SoftMarginLoss(_Loss):
    """``log(1 + exp(-target input))``, for targets 1 and -1."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return ranking.soft_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of binary cross-entropy with logits."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return ranking.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


# -- distances, which are used the same way ----------------------------------------------------------


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        """Make the module; lengths count as at least `eps`."""
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the similarities."""
        return ranking.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        """Make the module; `eps` is added to the differences."""
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the distances."""
        return ranking.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
