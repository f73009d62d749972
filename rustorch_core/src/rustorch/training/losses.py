"""Losses by name, for any sensible target, computed without loss of digits.

A model may end in softmax or sigmoid.  Such a loss is computed from what went *into* that last
activation: the logarithm of a rounded probability is wrong long before it is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.nn import functional as F
from rustorch.training import shapes
from rustorch.training.errors import did_you_mean

REGRESSION, CATEGORICAL, BINARY = "regression", "categorical", "binary"
_SMALLEST = 1e-38  # of a probability; float32 has no smaller normal number
_ROW_TOLERANCE = 1e-2  # of a row of probabilities from 1: half precision is allowed


@dataclass(frozen=True)
class Scores:
    """The output of a model, with what went into its last activation."""

    prediction: Any
    logits: Any = None  # input of the final softmax or sigmoid, if there was one
    activation: str = ""  # "softmax", "sigmoid" or neither
    dim: int | None = None  # of the softmax


@dataclass(frozen=True)
class NamedLoss:
    """A loss that a name can mean."""

    name: str
    task: str
    from_logits: bool
    function: Callable[[Scores, Any], Any]

    def __call__(self, scores: Scores, target: Any) -> Any:
        """Return the mean over all samples of the batch, a 0-d tensor."""
        return self.function(scores, target)

    def __reduce__(self) -> tuple[Any, ...]:
        return (named_loss, (self.name,))


def _regression(name: str, function: Callable[[Any, Any], Any]) -> NamedLoss:
    def loss(scores: Scores, target: Any) -> Any:
        shapes.check_same(name, scores.prediction, target)
        return function(scores.prediction, target.to(scores.prediction.dtype))

    return NamedLoss(name, REGRESSION, from_logits=False, function=loss)


def _categorical(name: str, *, from_logits: bool) -> NamedLoss:
    def loss(scores: Scores, target: Any) -> Any:
        prediction = scores.prediction
        dim, one_hot = shapes.class_dim(name, prediction, target, channels_first=name == "cross_entropy")
        if scores.activation == "softmax" and scores.dim is not None and one_hot:
            dim = scores.dim
        if prediction.shape[dim] == 1:
            raise ArgumentError(
                f"{name}: at least two classes are required, got one", hint="use 'binary_crossentropy'"
            )
        if scores.activation == "softmax" and scores.dim == dim:
            values = scores.logits
        elif from_logits:
            values = prediction
        else:
            values = _log_probabilities(name, prediction, dim)
        values = shapes.rows(values, dim)
        if one_hot:
            return F.cross_entropy(values, shapes.rows(target, dim).to(values.dtype))
        true = shapes.indices(name, target, dim, prediction.ndim)
        return F.cross_entropy(values, true if true.ndim == 1 else true.reshape(-1))

    return NamedLoss(name, CATEGORICAL, from_logits=from_logits, function=loss)


def _log_probabilities(name: str, prediction: Any, dim: int) -> Any:
    values = prediction.detach()
    off = float((values.sum(dim) - 1).abs().max()) if values.shape.elements else 0.0
    if off > _ROW_TOLERANCE or (values.shape.elements and float(values.min()) < 0):
        raise ArgumentError(
            f"{name}: probabilities are required, and these rows do not sum to 1 (off by {off:.3g})",
            hint="end the model in softmax, or use loss='cross_entropy', which takes scores of any size",
        )
    return prediction.clamp(min=_SMALLEST).log()


def _binary(name: str, *, from_logits: bool) -> NamedLoss:
    def loss(scores: Scores, target: Any) -> Any:
        shapes.check_same(name, scores.prediction, target)
        target = target.to(scores.prediction.dtype)
        if scores.activation == "sigmoid":
            return F.binary_cross_entropy_with_logits(scores.logits, target)
        if from_logits:
            return F.binary_cross_entropy_with_logits(scores.prediction, target)
        _check_probabilities(name, scores.prediction)
        return F.binary_cross_entropy(scores.prediction, target)

    return NamedLoss(name, BINARY, from_logits=from_logits, function=loss)


def _check_probabilities(name: str, prediction: Any) -> None:
    values = prediction.detach()
    if values.shape.elements and (float(values.min()) < 0 or float(values.max()) > 1):
        low, high = float(values.min()), float(values.max())
        raise ArgumentError(
            f"{name}: probabilities in [0, 1] are required, got {low:.4g} to {high:.4g}",
            hint="end the model in sigmoid, or use loss='bce_with_logits', which takes scores of any size",
        )


_MSE = _regression("mse", F.mse_loss)
_MAE = _regression("mae", F.l1_loss)
_CROSS_ENTROPY = _categorical("cross_entropy", from_logits=True)

LOSSES: dict[str, NamedLoss] = {
    "mse": _MSE,
    "mean_squared_error": _MSE,
    "mae": _MAE,
    "mean_absolute_error": _MAE,
    "huber": _regression("huber", F.huber_loss),
    "categorical_crossentropy": _categorical("categorical_crossentropy", from_logits=False),
    "sparse_categorical_crossentropy": _categorical("sparse_categorical_crossentropy", from_logits=False),
    "cross_entropy": _CROSS_ENTROPY,
    "crossentropy": _CROSS_ENTROPY,
    "binary_crossentropy": _binary("binary_crossentropy", from_logits=False),
    "bce": _binary("bce", from_logits=False),
    "bce_with_logits": _binary("bce_with_logits", from_logits=True),
}


def named_loss(name: str) -> NamedLoss:
    """Return the loss of that name.

    Raises:
        ArgumentError: if there is none; names the closest.
    """
    found = LOSSES.get(name.lower())
    if found is None:
        raise ArgumentError(
            f"compile: no loss {name!r}{did_you_mean(name, LOSSES)}",
            hint=f"the losses are {', '.join(LOSSES)}",
        )
    return found
