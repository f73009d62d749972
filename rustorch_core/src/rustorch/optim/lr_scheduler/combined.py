"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.optim.lr_scheduler.base import LRScheduler, Rates, check_optimizer
from rustorch.optim.lr_scheduler.plateau import ReduceLROnPlateau
from rustorch.optim.optimizer import Optimizer


def _check(name: str, optimizer: Any, schedulers: Sequence[Any]) -> None:
    check_optimizer(name, optimizer)
    if not schedulers:
        raise ArgumentError(f"{name}: at least one scheduler is required")
    for i, scheduler in enumerate(schedulers):
        if not isinstance(scheduler, LRScheduler):
            raise ArgumentTypeError(
                f"{name}: scheduler {i} must be an LRScheduler, got {type(scheduler).__name__}"
            )
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ArgumentError(
                f"{name}: ReduceLROnPlateau needs a metric at each step and cannot be scheduler {i}"
            )
        if scheduler.optimizer is not optimizer:
            raise ArgumentError(
                f"{name}: all schedulers must have the same optimizer, scheduler {i} has another"
            )


class _Several(LRScheduler):
    _schedulers: list[Any]

    def get_lr(self) -> Rates:
        """Return the present rates."""
        return self.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule and its parts stand."""
        state = {key: value for key, value in super().state_dict().items() if key != "_schedulers"}
        state["_schedulers"] = [s.state_dict() for s in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to where `state_dict` says."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Several):
    """Follow one schedule after the other: the next begins at each of the epochs `milestones`.

    >>> import rustorch
    >>> from rustorch.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> parts = [ConstantLR(optimizer, 0.5, total_iters=2), ExponentialLR(optimizer, 0.5)]
    >>> scheduler = SequentialLR(optimizer, parts, milestones=[2])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.5, 0.5, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        _check("SequentialLR", optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR: one milestone between every two schedulers is required, "
                f"{len(schedulers) - 1}, got {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # making the parts has already set rates: undo that, and begin the first part only
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch and set the rates."""
        if epoch is not None:
            raise ArgumentError("SequentialLR: step takes no epoch")
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: Any) -> None:
    if isinstance(scheduler, _Several):
        for part in scheduler._schedulers:
            _undo(part)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Several):
    """Step several schedules at once; their factors multiply."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ArgumentError("ChainedScheduler: at least one scheduler is required")
        chosen: Any = optimizer or getattr(schedulers[0], "optimizer", None)
        _check("ChainedScheduler", chosen, schedulers)
        self._schedulers = list(schedulers)
        self.optimizer = chosen
        self._last_lr = self.present

    def step(self, epoch: int | None = None) -> None:
        """Step every part."""
        if epoch is not None:
            raise ArgumentError("ChainedScheduler: step takes no epoch")
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self.present
