"""Errors of predicted numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rustorch.training import shapes
from rustorch.training.metrics.base import Metric, check_batch, ratio


class _MeanOf(Metric):
    larger_is_better = False
    _default_name = ""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name or self._default_name)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch."""
        check_batch(self.name, prediction, target)
        shapes.check_same(self.name, prediction, target)
        error = prediction.to_numpy().astype(np.float64) - target.to_numpy().astype(np.float64)
        self._total += float(self._of(error).sum())
        self._count += error.size

    def compute(self) -> float:
        """Return the mean over all elements."""
        return ratio(self._total, self._count)

    def reset(self) -> None:
        """Forget all batches."""
        self._total, self._count = 0.0, 0

    @staticmethod
    def _of(error: Any) -> Any:
        return np.square(error)


class MAE(_MeanOf):
    """Mean absolute error."""

    _default_name = "mae"

    @staticmethod
    def _of(error: Any) -> Any:
        return np.abs(error)


class MSE(_MeanOf):
    """Mean squared error."""

    _default_name = "mse"


class RMSE(_MeanOf):
    """Root of the mean squared error of all elements."""

    _default_name = "rmse"

    def compute(self) -> float:
        """Return the root of the mean."""
        return math.sqrt(super().compute())
