"""Schedules that follow half a cosine, once or again and again.

Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
"""

from __future__ import annotations

import math

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.optim.lr_scheduler.base import LRScheduler, Rates, in_a_step, positive_int
from rustorch.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """Lower the rate to `eta_min` in `T_max` steps, along half a cosine (and up again after that).

    >>> import rustorch
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rustorch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step(), scheduler.step(), scheduler.get_last_lr()
    (None, None, [0.5])
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if not T_max > 0:
            raise ArgumentError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self._is_initial:
            return self.present
        low, epoch = self.eta_min, self.last_epoch
        if self._step_count == 1 and epoch > 0:
            return self._get_closed_form_lr()
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the step before was at the bottom
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                rate + (base - low) * rise for base, rate in zip(self.base_lrs, self.present, strict=True)
            ]
        now = 1 + math.cos(math.pi * epoch / self.T_max)
        before = 1 + math.cos(math.pi * (epoch - 1) / self.T_max)
        return [now / before * (rate - low) + low for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        height = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lower the rate to `eta_min` in `T_0` steps, start again from the top, each time `T_mult` times longer.

    ``step(epoch)`` may be given a fractional epoch.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        name = "CosineAnnealingWarmRestarts"
        self.T_0 = self.T_i = positive_int(name, "T_0", T_0)
        self.T_mult = positive_int(name, "T_mult", T_mult)
        if not isinstance(eta_min, (int, float)):
            raise ArgumentTypeError(f"{name}: eta_min must be a number, got {type(eta_min).__name__}")
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        height = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the one given, and set the rates."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr()
        finally:
            del self._get_lr_called_within_step
        self._set(rates)

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ArgumentError(f"CosineAnnealingWarmRestarts: the epoch must not be negative, got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**restarts
