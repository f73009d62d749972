"""What a callback is, and the list that calls them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.training.errors import TrainingError, did_you_mean


class Callback:
    """Something to do while a model trains; override the methods you need.

    Epochs and batches count from 0.  Setting ``self.model.stop_training = True`` ends the run.

    Attributes:
        model: the model that trains.
        optimizer: what changes it.
        params: ``epochs``, ``steps`` (batches per epoch, or None), ``metrics`` (all names in logs) and
            ``larger_is_better`` (per metric True, False or None for unknown).

    >>> from rustorch.training import Callback
    >>> class Print(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         print(epoch, logs["loss"])
    """

    model: Any = None
    optimizer: Any = None
    params: dict[str, Any]

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Before the first epoch; the model is built."""

    def on_train_end(self, logs: dict[str, float]) -> None:
        """After the last epoch, also after an error or an interruption."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """After an epoch; `logs` has the loss and metrics, with ``val_`` those of the validation data."""

    def on_batch_begin(self, batch: int, logs: dict[str, float]) -> None:
        """Before a training batch."""

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """After a training batch; `logs` has the means of the epoch so far."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, float]) -> None:
        """Before a training batch (Keras's name); calls :meth:`on_batch_begin`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """After a training batch (Keras's name); calls :meth:`on_batch_end`."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: dict[str, float]) -> None:
        """Before a validation."""

    def on_test_end(self, logs: dict[str, float]) -> None:
        """After a validation."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as plain data."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""


_BATCH_EVENTS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")


class CallbackList:
    """The callbacks of one run, in the order in which they are called."""

    def __init__(self, callbacks: Any) -> None:
        if callbacks is None:
            callbacks = []
        elif isinstance(callbacks, Callback):
            callbacks = [callbacks]
        elif not isinstance(callbacks, Iterable):
            raise ArgumentTypeError(
                f"callbacks: a list of Callback is required, got {type(callbacks).__name__}"
            )
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                hint = "create an instance" if isinstance(callback, type) else "derive it from Callback"
                raise ArgumentTypeError(f"callbacks: a Callback is required, got {callback!r}", hint=hint)
        self.want_batches = any(
            getattr(getattr(callback, event), "__func__", None) is not getattr(Callback, event)
            for callback in self.callbacks
            for event in _BATCH_EVENTS
        )

    def begin(self, learner: Any, params: dict[str, Any]) -> None:
        """Tell every callback what the run is about."""
        for callback in self.callbacks:
            callback.model = learner.model
            callback.optimizer = learner.optimizer
            callback.params = params


class Monitor:
    """Judges the values of one name in the logs.

    Args:
        owner: the callback, for errors.
        name: what to look at.
        mode: ``min``, ``max`` or ``auto``: what the metric says, else by its name.
        min_delta: an improvement must be larger than this.
    """

    _LARGER = ("acc", "precision", "recall", "f1", "auc", "top_", "r2")

    def __init__(self, owner: str, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("min", "max", "auto"):
            raise ArgumentError(f"{owner}: mode must be min, max or auto, got {mode!r}")
        if min_delta < 0:
            raise ArgumentError(f"{owner}: min_delta must be at least 0, got {min_delta}")
        self.owner = owner
        self.name = name
        self.auto = mode == "auto"
        by_name = "max" if any(part in name for part in self._LARGER) else "min"
        self.mode = by_name if self.auto else mode
        self.min_delta = min_delta
        self.best: float | None = None

    def check(self, params: dict[str, Any]) -> None:
        """Learn what the metric says about itself.

        Raises:
            TrainingError: for a name that no epoch will have.
        """
        known = params["metrics"]
        if self.name in known:
            larger = params["larger_is_better"].get(self.name.removeprefix("val_"))
            if self.auto and larger is not None:
                self.mode = "max" if larger else "min"
            return
        hint = (
            "give validation_data"
            if self.name.removeprefix("val_") in known
            else f"there are {', '.join(known)}"
        )
        raise TrainingError(
            f"{self.owner}: nothing is called {self.name!r}{did_you_mean(self.name, known)}", hint=hint
        )

    def better(self, value: float) -> bool:
        """Return whether a value is the best so far, and remember it then; NaN never is."""
        if value != value:  # noqa: PLR0124 - NaN
            return False
        if self.best is not None:
            gain = value - self.best if self.mode == "max" else self.best - value
            if gain <= self.min_delta:
                return False
        self.best = value
        return True
