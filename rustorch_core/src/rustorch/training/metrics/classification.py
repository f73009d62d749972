"""Precision, recall and F1, from the counts of a confusion matrix."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from rustorch.errors import ArgumentError
from rustorch.ops import creation
from rustorch.training.metrics.base import Metric
from rustorch.training.metrics.labels import labels

_AVERAGES = ("auto", "binary", "macro", "micro")


def confusion_counts(guess: Any, true: Any, classes: int) -> np.ndarray[Any, Any]:
    """Return how often class i (row) was predicted as class j (column)."""
    return np.bincount(true * classes + guess, minlength=classes * classes).reshape(classes, classes)


class _FromCounts(Metric):
    """A metric that follows from the confusion matrix.

    Args:
        average: ``binary`` (class 1 alone), ``macro`` (mean over the classes that occur in targets or
            predictions), ``micro`` (all decisions together), or ``auto``: binary for two-class decisions
            of one score, macro else.
        threshold: above it a binary probability means class 1.
        name: the key in histories.
    """

    _default_name = ""
    _counts: Any
    _one_score: bool

    def __init__(self, average: str = "auto", threshold: float = 0.5, name: str | None = None) -> None:
        if average not in _AVERAGES:
            raise ArgumentError(
                f"{type(self).__name__}: average must be one of {', '.join(_AVERAGES)}, got {average!r}"
            )
        self.average = average
        self.threshold = threshold
        suffix = "" if average == "auto" else f"_{average}"
        super().__init__(name or self._default_name + suffix)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch."""
        guess, true, classes = labels(self.name, prediction, target, task=self.task, threshold=self.threshold)
        if prediction.shape == target.shape and classes == 2:
            self._one_score = True
        size = max(classes, len(self._counts))
        counts: Any = confusion_counts(guess, true, size)
        counts[: len(self._counts), : len(self._counts)] += self._counts
        self._counts = counts

    def compute(self) -> float:
        """Return the value over all batches."""
        counts = self._counts
        if not counts.sum():
            return 0.0
        average = self.average
        if average == "auto":
            average = "binary" if self._one_score and len(counts) == 2 else "macro"
        if average == "binary" and len(counts) != 2:
            raise ArgumentError(
                f"{self.name}: average='binary' needs two classes, got {len(counts)}", hint="use 'macro'"
            )
        right, true, guessed = np.diag(counts), counts.sum(1), counts.sum(0)
        if average == "binary":
            return self._score(right[1], true[1], guessed[1])
        if average == "micro":
            return self._score(right.sum(), true.sum(), guessed.sum())
        used = (true + guessed) > 0
        return float(
            np.mean([self._score(*c) for c in zip(right[used], true[used], guessed[used], strict=True)])
        )

    def reset(self) -> None:
        """Forget all batches."""
        self._counts = np.zeros((0, 0), np.int64)
        self._one_score = False

    @staticmethod
    @abstractmethod
    def _score(right: Any, true: Any, guessed: Any) -> float:
        """Return the value from how many were right, truly of the class, and predicted as it."""


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else 0.0


class Precision(_FromCounts):
    """Of those predicted as a class, the share that is of it: ``TP / (TP + FP)``; 0 if none was predicted."""

    _default_name = "precision"

    @staticmethod
    def _score(right: Any, _true: Any, guessed: Any) -> float:
        return _share(right, guessed)


class Recall(_FromCounts):
    """Of those of a class, the share that was predicted as it: ``TP / (TP + FN)``; 0 if there are none."""

    _default_name = "recall"

    @staticmethod
    def _score(right: Any, true: Any, _guessed: Any) -> float:
        return _share(right, true)


class F1(_FromCounts):
    """The harmonic mean of precision and recall: ``2 TP / (2 TP + FP + FN)``."""

    _default_name = "f1"

    @staticmethod
    def _score(right: Any, true: Any, guessed: Any) -> float:
        return _share(2 * right, true + guessed)


def confusion_matrix(prediction: Any, target: Any, classes: int | None = None) -> Any:
    """Return an int64 tensor: how often class i (row) was predicted as class j (column).

    Args:
        prediction: scores (batch, classes), binary probabilities, or labels.
        target: class indices, one-hot rows, or 0 and 1.
        classes: the number of classes, if labels do not show them all.

    >>> import rustorch
    >>> from rustorch.training import confusion_matrix
    >>> confusion_matrix(rustorch.tensor([0, 1, 1]), rustorch.tensor([0, 0, 1]))
    tensor([[1, 1],
            [0, 1]])
    """
    guess, true, seen = labels("confusion_matrix", prediction, target)
    size = seen if classes is None else classes
    if max([*guess, *true], default=0) >= size:
        raise ArgumentError(f"confusion_matrix: labels must be below {size}, got {max([*guess, *true])}")
    return creation.tensor(confusion_counts(guess, true, size))
