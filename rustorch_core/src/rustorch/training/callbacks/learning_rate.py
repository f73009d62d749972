"""Changing the learning rate while training."""

from __future__ import annotations

import inspect
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.optim import lr_scheduler
from rustorch.training.callbacks.base import Callback, Monitor
from rustorch.training.optimizers import set_learning_rate


class LearningRateScheduler(Callback):
    """Set the learning rate by a function of the epoch, or run a scheduler of ``optim.lr_scheduler``.

    Args:
        schedule: ``f(epoch)`` or ``f(epoch, lr)`` returning the rate of the epoch; or a scheduler; or a
            scheduler's class, which is created with the run's optimizer and `options`.
        per_batch: step a scheduler after every batch instead of every epoch (OneCycleLR needs that).
        options: for a scheduler's class.

    ``LearningRateScheduler(StepLR, step_size=10)`` multiplies the rate by 0.1 every ten epochs.
    """

    def __init__(self, schedule: Any, *, per_batch: bool = False, **options: Any) -> None:
        self._class = schedule if isinstance(schedule, type) else None
        self._function = None if self._class or hasattr(schedule, "step") else schedule
        self.scheduler: Any = None if self._class or self._function else schedule
        if self._function is not None and not callable(self._function):
            raise ArgumentTypeError(
                f"LearningRateScheduler: a function or a scheduler is required, got {type(schedule).__name__}"
            )
        if options and self._class is None:
            raise ArgumentError("LearningRateScheduler: options are for a scheduler's class only")
        if per_batch and self._function is not None:
            raise ArgumentError(
                "LearningRateScheduler: per_batch is for schedulers only, a function gets the epoch"
            )
        self._options = options
        self._per_batch = per_batch
        self._loaded: dict[str, Any] | None = None
        if per_batch:  # only then, since whoever looks at batches makes the loop read every loss
            self.on_batch_end = self._step_scheduler  # type: ignore[method-assign]

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Create the scheduler if its class was given."""
        del logs
        if self._class is not None and (
            self.scheduler is None or self.scheduler.optimizer is not self.optimizer
        ):
            self.scheduler = self._class(self.optimizer, **self._options)
        if self._loaded is not None and self.scheduler is not None:
            self.scheduler.load_state_dict(self._loaded)
            self._loaded = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        """Ask the function for the rate of this epoch."""
        del logs
        if self._function is None:
            return
        rate = self.optimizer.param_groups[0]["lr"]
        two = len(inspect.signature(self._function).parameters) > 1
        set_learning_rate(self.optimizer, self._function(epoch, rate) if two else self._function(epoch))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Step the scheduler, if it wants every epoch."""
        del epoch, logs
        if not self._per_batch and self.scheduler is not None:
            self.scheduler.step()

    def _step_scheduler(self, batch: int, logs: dict[str, float]) -> None:
        del batch, logs
        self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the scheduler's state."""
        return {} if self.scheduler is None else dict(self.scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; a scheduler given as a class takes it when the run begins."""
        self._loaded = dict(state) or None


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs.

    The work is done by ``optim.lr_scheduler.ReduceLROnPlateau``.

    Args:
        monitor: a name in the logs.
        factor: below 1.
        patience: epochs without improvement that are allowed.
        mode: ``min``, ``max`` or ``auto``.
        min_delta: smaller improvements do not count.
        cooldown: epochs to wait after a reduction.
        min_lr: the rate does not go below.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if not 0 < factor < 1:
            raise ArgumentError(f"ReduceLROnPlateau: factor must be in (0, 1), got {factor}")
        self._judge = Monitor("ReduceLROnPlateau", monitor, mode)
        self._options: dict[str, Any] = {
            "factor": factor, "patience": patience, "threshold": min_delta,
            "threshold_mode": "abs", "cooldown": cooldown, "min_lr": min_lr,
        }  # fmt: skip
        self.scheduler: Any = None
        self._loaded: dict[str, Any] | None = None

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Check the name and create the scheduler."""
        del logs
        self._judge.check(self.params)
        self.scheduler = lr_scheduler.ReduceLROnPlateau(
            self.optimizer, mode=self._judge.mode, **self._options
        )
        if self._loaded is not None:
            self.scheduler.load_state_dict(self._loaded)
            self._loaded = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Step the scheduler with the value, if the epoch has one."""
        del epoch
        value = logs.get(self._judge.name)
        if value is not None:
            self.scheduler.step(value)

    def state_dict(self) -> dict[str, Any]:
        """Return the scheduler's state."""
        return {} if self.scheduler is None else dict(self.scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state when the run begins."""
        self._loaded = dict(state) or None
