"""Callbacks that watch: stop at NaN, call functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.training.callbacks.base import Callback
from rustorch.training.errors import did_you_mean
from rustorch.training.history import TrainingHistory


class TerminateOnNaN(Callback):
    """End the run at the first batch whose loss is NaN or infinite.

    Attributes:
        stopped: whether it did.
    """

    def __init__(self) -> None:
        self.stopped = False

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Start anew."""
        del logs
        self.stopped = False

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Look at the loss: the mean of the epoch so far is NaN once one of the losses is."""
        del batch
        if not math.isfinite(logs["loss"]):
            self.stopped = True
            self.model.stop_training = True


class History(Callback):
    """Record the epochs in a :class:`TrainingHistory` of one's own; ``fit`` returns one anyway.

    Attributes:
        record: the history.
    """

    def __init__(self) -> None:
        self.record = TrainingHistory()

    @property
    def history(self) -> dict[str, list[float]]:
        """All values by name."""
        return self.record.history

    @property
    def epoch(self) -> list[int]:
        """The epochs, counted from 0."""
        return self.record.epoch

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Start anew."""
        del logs
        self.record = TrainingHistory()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Record an epoch."""
        metrics = {name: value for name, value in logs.items() if name not in ("loss", "val_loss")}
        self.record.add_epoch(logs["loss"], logs.get("val_loss"), metrics, epoch=epoch + 1)


class LambdaCallback(Callback):
    """Functions for single events: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        events = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            if name not in events:
                raise ArgumentError(f"LambdaCallback: no event {name!r}{did_you_mean(name, events)}")
            setattr(self, name, function)
