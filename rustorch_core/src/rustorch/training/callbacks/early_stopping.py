"""Stopping when a value no longer improves."""

from __future__ import annotations

from typing import Any

from rustorch.training.callbacks.base import Callback, Monitor
from rustorch.training.checks import count


class EarlyStopping(Callback):
    """Stop when `monitor` has not improved for `patience` validated epochs.

    Args:
        monitor: a name in the logs.
        patience: the run ends after so many epochs without improvement (0 and 1 both mean the first).
        min_delta: smaller improvements do not count.
        mode: ``min``, ``max`` or ``auto``.
        restore_best_weights: at the end go back to the best epoch's weights, also after an interruption.

    Attributes:
        stopped_epoch: the epoch (from 0) after which the run was ended, or None.
        best_epoch: the best epoch (from 0), or None.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self._judge = Monitor("EarlyStopping", monitor, mode, min_delta)
        self.patience = count("EarlyStopping", "patience", patience, least=0)
        self.restore_best_weights = restore_best_weights
        self._resumed = False
        self._start()

    def _start(self) -> None:
        self._judge.best = None
        self.wait = 0
        self.stopped_epoch: int | None = None
        self.best_epoch: int | None = None
        self._weights: dict[str, Any] | None = None

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._judge.best

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Check the name, and start anew unless a state was loaded."""
        del logs
        self._judge.check(self.params)
        if not self._resumed:
            self._start()
        self._resumed = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Judge the epoch."""
        value = logs.get(self._judge.name)
        if value is None:  # an epoch that was not validated
            return
        if self._judge.better(value):
            self.wait, self.best_epoch = 0, epoch
            if self.restore_best_weights:
                self._weights = {
                    key: value.clone() if hasattr(value, "clone") else value
                    for key, value in self.model.state_dict().items()
                }
            return
        self.wait += 1
        if self.wait >= max(1, self.patience):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float]) -> None:
        """Bring the best weights back if asked to."""
        del logs
        if self._weights is not None:
            self.model.load_state_dict(self._weights)
            self._weights = None

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and how long ago it was (the best weights are not part of it)."""
        return {"best": self._judge.best, "wait": self.wait, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on judging from a state."""
        self._start()
        self._judge.best, self.wait, self.best_epoch = state["best"], state["wait"], state["best_epoch"]
        self._resumed = True
