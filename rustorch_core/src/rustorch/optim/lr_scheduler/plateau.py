"""A schedule that waits for a metric to stop improving."""

from __future__ import annotations

import math
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.optim.lr_scheduler.base import LRScheduler, Rates, check_optimizer, per_group
from rustorch.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not improved for more than `patience` epochs.

    >>> import rustorch
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rustorch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        """Start watching.

        Args:
            optimizer: whose groups are scheduled.
            mode: "min" if lower is better, "max" if higher is.
            factor: what the rate is multiplied by, below 1.
            patience: how many epochs without improvement are tolerated.
            threshold: what counts as an improvement.
            threshold_mode: "rel" for a part of the best value, "abs" for an absolute amount.
            cooldown: how many epochs after a reduction are not counted.
            min_lr: the lowest rate, one for all groups or one each.
            eps: smaller reductions are not made.
        """
        name = "ReduceLROnPlateau"
        if not factor < 1.0:
            raise ArgumentError(f"{name}: factor must be below 1, got {factor}")
        check_optimizer(name, optimizer)
        if mode not in ("min", "max"):
            raise ArgumentError(f"{name}: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ArgumentError(f"{name}: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        self.factor = factor
        self.optimizer = optimizer
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = per_group(name, optimizer, "min_lr", min_lr)
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.patience, self.cooldown, self.eps = patience, cooldown, eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._last_lr = self.present

    def get_lr(self) -> Rates:
        """Return the present rates."""
        return self.get_last_lr()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at the metric of one epoch (a number or a tensor of one element) and set the rates."""
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self.present

    @property
    def in_cooldown(self) -> bool:
        """Whether a reduction was so recent that bad epochs are not counted."""
        return self.cooldown_counter > 0

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            margin = 1 + self.threshold if self.mode == "max" else 1 - self.threshold
            return sign * value > sign * self.best * margin
        return sign * value > sign * self.best + self.threshold

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups):  # groups were added meanwhile
            if self.default_min_lr is None:
                raise ArgumentError(
                    f"ReduceLROnPlateau: min_lr was given for {len(self.min_lrs)} parameter groups, "
                    f"got {len(groups)}",
                    hint="extend scheduler.min_lrs",
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, low in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, low)
            if old - new > self.eps:
                group["lr"] = new
