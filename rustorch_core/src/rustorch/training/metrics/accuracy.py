"""Accuracy: how often the prediction is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.errors import ArgumentError
from rustorch.training import shapes
from rustorch.training.checks import count
from rustorch.training.metrics.base import Metric, check_batch, ratio
from rustorch.training.metrics.labels import check_range, labels


class Accuracy(Metric):
    """Share of right predictions.

    Binary, categorical and sparse targets are told apart by their shapes, as :func:`.labels.labels` says.

    Args:
        threshold: above it a binary probability means class 1.
        name: the key in histories.

    >>> import rustorch
    >>> from rustorch.training import Accuracy
    >>> Accuracy()(rustorch.tensor([[0.9, 0.1], [0.6, 0.4]]), rustorch.tensor([0, 1]))
    0.5
    """

    def __init__(self, threshold: float = 0.5, name: str = "accuracy") -> None:
        self.threshold = threshold
        super().__init__(name)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch."""
        guess, true, _ = labels(self.name, prediction, target, task=self.task, threshold=self.threshold)
        self._right += int(np.count_nonzero(guess == true))
        self._count += true.size

    def compute(self) -> float:
        """Return the share of right predictions."""
        return ratio(self._right, self._count)

    def reset(self) -> None:
        """Forget all batches."""
        self._right = self._count = 0


class TopKAccuracy(Metric):
    """Share of samples whose true class is among the `k` largest scores.

    Classes with equal scores count as ahead only if their index is lower, so ties give no advantage.
    """

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        self.k = count("TopKAccuracy", "k", k)
        super().__init__(name or f"top_{k}_accuracy")

    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch."""
        check_batch(self.name, prediction, target)
        dim, one_hot = shapes.class_dim(self.name, prediction, target)
        scores = shapes.rows(prediction, dim).to_numpy()
        truth = target.argmax(dim) if one_hot else shapes.indices(self.name, target, dim, prediction.ndim)
        true = truth.to_numpy().reshape(-1, 1)
        if self.k > scores.shape[1]:
            raise ArgumentError(f"{self.name}: there are only {scores.shape[1]} classes")
        check_range(self.name, true, scores.shape[1])
        own = np.take_along_axis(scores, true, 1)
        earlier = np.arange(scores.shape[1]) < true
        ahead = ((scores > own) | ((scores == own) & earlier)).sum(1)
        self._right += int(np.count_nonzero((ahead < self.k) & ~np.isnan(own[:, 0])))
        self._count += len(true)

    def compute(self) -> float:
        """Return the share of samples."""
        return ratio(self._right, self._count)

    def reset(self) -> None:
        """Forget all batches."""
        self._right = self._count = 0
