"""Schedules that multiply the rate at certain epochs."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from rustorch.errors import ArgumentError
from rustorch.optim.lr_scheduler.base import LRScheduler, Rates, in_a_step, positive_int
from rustorch.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """Multiply the rate by `gamma` every `step_size` epochs.

    >>> import rustorch
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rustorch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = positive_int("StepLR", "step_size", step_size)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self.present
        return [rate * self.gamma for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Multiply the rate by `gamma` at each of the epochs `milestones`."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self.last_epoch not in self.milestones:
            return self.present
        return [rate * self.gamma ** self.milestones[self.last_epoch] for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """Multiply the rate by `factor` until epoch `total_iters`, e.g. to begin gently."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 < factor <= 1:
            raise ArgumentError(f"ConstantLR: factor must be above 0 and at most 1, got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self.last_epoch == 0:
            return [rate * self.factor for rate in self.present]
        if self.last_epoch != self.total_iters:
            return self.present
        return [rate * (1.0 / self.factor) for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        over = self.last_epoch >= self.total_iters
        return [base * (self.factor + over * (1 - self.factor)) for base in self.base_lrs]
