"""Saving the model while it trains."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.training.callbacks.base import Callback, Monitor


class ModelCheckpoint(Callback):
    """Save the model after each epoch, or only when it is better than before.

    Args:
        path: the file; may contain values of the logs, as ``"m-{epoch:02d}-{val_loss:.3f}.rustorch"``,
            with epochs counted from 1.
        monitor: what ``save_best_only`` judges by.
        save_best_only: save only when `monitor` improves.
        mode: ``min``, ``max`` or ``auto``.

    Attributes:
        saved: the files that were written, in order.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        self.path = fspath(path)
        self.save_best_only = save_best_only
        self._judge = Monitor("ModelCheckpoint", monitor, mode)
        self.saved: list[Path] = []
        self._resumed = False

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Check the name that is judged by."""
        del logs
        if self.save_best_only:
            self._judge.check(self.params)
        if not self._resumed:
            self._judge.best = None
        self._resumed = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Save, if it is time."""
        if self.save_best_only:
            value = logs.get(self._judge.name)
            if value is None or not self._judge.better(value):
                return
        try:
            path = Path(self.path.format(epoch=epoch + 1, **logs))
        except (KeyError, IndexError, ValueError) as error:
            raise ArgumentError(
                f"ModelCheckpoint: {self.path!r} cannot be filled in ({error})",
                hint=f"epoch {epoch + 1} has epoch, {', '.join(logs)}",
            ) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        from rustorch import utils  # which reads models, so it imports this package

        utils.save_model(self.model, path)
        self.saved.append(path)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far."""
        return {"best": self._judge.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on judging from a state."""
        self._judge.best = state["best"]
        self._resumed = True
