"""The loss of a model: a name or a function, and what it asks of predictions."""

from __future__ import annotations

import warnings
from typing import Any

from rustorch import nn
from rustorch.errors import ArgumentTypeError, ShapeError
from rustorch.training import losses
from rustorch.training.losses import NamedLoss, Scores, named_loss

#: Loss modules that say what the predictions are: (task, whether they take logits).
_MODULES = {
    "CrossEntropyLoss": (losses.CATEGORICAL, True),
    "NLLLoss": (losses.CATEGORICAL, False),
    "BCEWithLogitsLoss": (losses.BINARY, True),
    "BCELoss": (losses.BINARY, False),
}


class Objective:
    """What is minimised.

    A loss given as a function or module is called as ``loss(prediction, target)``; one given by
    name also sees the input of the model's last activation.
    """

    def __init__(self, loss: Any) -> None:
        if isinstance(loss, str):
            loss = named_loss(loss)
        elif isinstance(loss, type) and issubclass(loss, nn.Module):
            loss = loss()
        elif not callable(loss):
            raise ArgumentTypeError(f"compile: loss must be a name or a function, got {type(loss).__name__}")
        self.loss = loss
        known = (
            (loss.task, loss.from_logits)
            if isinstance(loss, NamedLoss)
            else _MODULES.get(type(loss).__name__)
        )
        self.task, self.from_logits = known or ("", False)
        self.sums = getattr(loss, "reduction", "mean") == "sum"
        self._warned = False

    @property
    def name(self) -> str:
        """The name of the loss."""
        return str(
            getattr(self.loss, "name", None) or getattr(self.loss, "__name__", type(self.loss).__name__)
        )

    def __call__(self, scores: Scores, target: Any) -> Any:
        """Return the loss of a batch, a 0-d tensor."""
        if isinstance(self.loss, NamedLoss):
            return self.loss(scores, target)
        if self.from_logits and scores.activation and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.name} applies {scores.activation} itself, and the model ends in it already; "
                "remove one of them, or give the loss by name",
                UserWarning,
                stacklevel=2,
            )
        value = self.loss(scores.prediction, target)
        if not hasattr(value, "backward") or value.shape.elements != 1:
            got = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise ShapeError(
                f"loss {self.name}: a tensor of one element is required, got {got}", hint="take the mean"
            )
        return value if value.ndim == 0 else value.reshape(())

    def for_metrics(self, scores: Scores) -> Any:
        """Return what metrics see: the prediction, as probabilities where the loss takes binary logits."""
        if self.task == losses.BINARY and self.from_logits and not scores.activation:
            return scores.prediction.detach().sigmoid()
        return scores.prediction.detach()
