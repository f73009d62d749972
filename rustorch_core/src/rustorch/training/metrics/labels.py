"""From predictions and targets to class labels, by their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.errors import ArgumentError, OutOfBoundsError
from rustorch.training import shapes
from rustorch.training.metrics.base import check_batch

Labels = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]


def is_binary(prediction: Any, target: Any, task: str) -> bool:
    """Return whether each element of the prediction is a decision of its own."""
    if prediction.ndim > 1 and task == "categorical":
        return False
    same = prediction.shape == target.shape
    return same and (task == "binary" or prediction.ndim == 1 or prediction.shape[-1] == 1)


def labels(what: str, prediction: Any, target: Any, *, task: str = "", threshold: float = 0.5) -> Labels:
    """Return flat predicted labels, flat true labels, and the number of classes.

    A prediction (batch, ..., classes) is decided by its largest score; the target holds class
    indices or one-hot rows.  A prediction with the target's shape whose last dim is 1 (or that has
    no other dim) is binary: above `threshold` is class 1.  Integer predictions with the target's
    shape are labels already.
    """
    check_batch(what, prediction, target)
    if prediction.shape == target.shape and not prediction.dtype.is_floating_point:
        return _given(what, prediction, target)
    if is_binary(prediction, target, task):
        guess = (prediction > threshold).to_numpy().reshape(-1).astype(np.int64)
        return guess, _zero_or_one(what, target), 2
    if prediction.ndim == 1 or (prediction.shape[-1] == 1 and prediction.ndim == 2):
        shapes.check_same(what, prediction, target)
    dim, one_hot = shapes.class_dim(what, prediction, target)
    truth = target.argmax(dim) if one_hot else shapes.indices(what, target, dim, prediction.ndim)
    count = prediction.shape[dim]
    true = truth.to_numpy().reshape(-1)
    check_range(what, true, count)
    return prediction.argmax(dim).to_numpy().reshape(-1), true, count


def check_range(what: str, true: np.ndarray[Any, Any], count: int) -> None:
    """Check that all class indices are those of `count` classes."""
    if true.size and not (true.min() >= 0 and true.max() < count):
        raise OutOfBoundsError(
            f"{what}: class indices must be in [0, {count - 1}], got {true.min()} to {true.max()}"
        )


def _given(what: str, prediction: Any, target: Any) -> Labels:
    if target.dtype.is_floating_point:
        shapes.indices(what, target, 0, target.ndim + 1)
    guess, true = (x.to_numpy().reshape(-1).astype(np.int64) for x in (prediction, target))
    both = np.concatenate([guess, true])
    if both.size and both.min() < 0:
        raise ArgumentError(f"{what}: class indices must not be negative, got {both.min()}")
    return guess, true, max(2, int(both.max()) + 1 if both.size else 0)


def _zero_or_one(what: str, target: Any) -> np.ndarray[Any, Any]:
    values = target.to_numpy().reshape(-1)
    true: np.ndarray[Any, Any] = values.astype(np.int64)
    wrong = values[(values != 0) & (values != 1)]
    if wrong.size:
        raise ArgumentError(
            f"{what}: binary targets must be 0 or 1, got {wrong[0]:.6g}",
            hint="for regression use the metrics 'mae' or 'mse'",
        )
    return true
