"""What a metric is: counts over many batches, one number at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError


class Metric(ABC):
    """A number about predictions, gathered batch by batch.

    The result is that of all batches taken together, not a mean over batches.

    Args:
        name: the key in histories and logs.
    """

    #: What callbacks with ``mode="auto"`` look for; None lets them go by the name.
    larger_is_better: bool | None = True
    #: What the loss says about the predictions ("binary", "categorical" or ""); set by ``compile``.
    task = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reset()

    @abstractmethod
    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch."""

    @abstractmethod
    def compute(self) -> float:
        """Return the value over all batches since the last reset."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all batches."""

    def __call__(self, prediction: Any, target: Any) -> float:
        """Return the value of these predictions alone; what was gathered is lost."""
        self.reset()
        self.update(prediction, target)
        return self.compute()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``, and 0 of nothing."""
    return part / whole if whole else 0.0


class FunctionMetric(Metric):
    """A user's function ``f(prediction, target)``: its mean over batches, weighted by their size."""

    larger_is_better = None

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        if not callable(function):
            raise ArgumentTypeError(
                f"metric: a name, a Metric or a function is required, got {type(function).__name__}"
            )
        self.function = function
        super().__init__(name or str(getattr(function, "__name__", type(function).__name__)))

    def update(self, prediction: Any, target: Any) -> None:
        """Call the function on a batch."""
        value = self.function(prediction, target)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"metric {self.name}: one number is required, got {type(value).__name__}"
            ) from error
        self._total += number * len(prediction)
        self._count += len(prediction)

    def compute(self) -> float:
        """Return the weighted mean."""
        return ratio(self._total, self._count)

    def reset(self) -> None:
        """Forget all batches."""
        self._total, self._count = 0.0, 0


def check_batch(what: str, prediction: Any, target: Any) -> None:
    """Check that both are tensors with the same number of samples."""
    for value in (prediction, target):
        if not hasattr(value, "to_numpy"):
            raise ArgumentTypeError(f"{what}: tensors are required, got {type(value).__name__}")
    if not prediction.ndim or not target.ndim or len(prediction) != len(target):
        raise ShapeError(
            f"{what}: prediction and target must have the same number of samples, "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
