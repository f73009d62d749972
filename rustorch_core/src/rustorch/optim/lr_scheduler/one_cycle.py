"""The one-cycle policy."""

from __future__ import annotations

import math
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.optim.lr_scheduler.base import (
    LRScheduler,
    Rates,
    check_optimizer,
    in_a_step,
    per_group,
    positive_int,
)
from rustorch.optim.optimizer import Optimizer


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _linear(start: float, end: float, part: float) -> float:
    return (end - start) * part + start


_ANNEALING = {"cos": _cosine, "linear": _linear}


class OneCycleLR(LRScheduler):
    """Raise the rate to `max_lr`, then lower it far below where it began, while momentum does the opposite.

    Called after every batch.  Source: Smith and Topin, "Super-convergence", arXiv:1708.07120.

    >>> import rustorch
    >>> optimizer = rustorch.optim.Adam([rustorch.ones(1, requires_grad=True)])
    >>> scheduler = rustorch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> round(scheduler.get_last_lr()[0], 6)
    0.04
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        """Plan the cycle.

        Args:
            optimizer: whose groups are scheduled.
            max_lr: the highest rate, one for all groups or one each.
            total_steps: length of the cycle; or give `epochs` and `steps_per_epoch`.
            epochs: number of epochs.
            steps_per_epoch: number of batches per epoch.
            pct_start: the part of the cycle in which the rate rises.
            anneal_strategy: "cos" or "linear".
            cycle_momentum: whether momentum (or Adam's beta1) falls while the rate rises.
            base_momentum: the lowest momentum.
            max_momentum: the highest momentum.
            div_factor: the first rate is max_lr / div_factor.
            final_div_factor: the last rate is the first / final_div_factor.
            three_phase: fall as long as the rise took, then to the last rate.
            last_epoch: -1 to begin; the last step done to resume.
        """
        check_optimizer("OneCycleLR", optimizer)
        self.optimizer = optimizer
        self.total_steps = _length(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ArgumentError(f"OneCycleLR: pct_start must be between 0 and 1, got {pct_start!r}")
        if anneal_strategy not in _ANNEALING:
            raise ArgumentError(
                f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self.cycle_momentum = cycle_momentum
        if last_epoch == -1:
            for group, rate in zip(
                optimizer.param_groups, per_group("OneCycleLR", optimizer, "max_lr", max_lr), strict=True
            ):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if cycle_momentum:
            self._plan_momentum(base_momentum, max_momentum, begin=last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def _plan_momentum(self, base: Any, top: Any, *, begin: bool) -> None:
        optimizer = self.optimizer
        self.use_beta1 = "betas" in optimizer.defaults
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ArgumentError(
                f"OneCycleLR: {type(optimizer).__name__} has neither momentum nor betas to cycle",
                hint="pass cycle_momentum=False",
            )
        lows = per_group("OneCycleLR", optimizer, "base_momentum", base)
        highs = per_group("OneCycleLR", optimizer, "max_momentum", top)
        if begin:
            for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates, and set the momentum that goes with them."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ArgumentError(f"OneCycleLR: the cycle has {self.total_steps} steps, got step {step}")
        anneal = _ANNEALING[self._anneal_func_type]
        start, phase = 0.0, self._schedule_phases[0]
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        length = phase["end_step"] - start
        part = (step - start) / length if length else 1.0
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                value = anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                self._set_momentum(group, value)
        return rates


def _length(total: int | None, epochs: int | None, steps: int | None) -> int:
    """Return the number of steps in the cycle."""
    if total is not None:
        return positive_int("OneCycleLR", "total_steps", total)
    if epochs is None or steps is None:
        raise ArgumentError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
    return positive_int("OneCycleLR", "epochs", epochs) * positive_int("OneCycleLR", "steps_per_epoch", steps)


def _phases(total: int, rising: float, three: bool) -> list[dict[str, Any]]:
    """Return the phases of a cycle, by the names of the group's options that they lead from and to."""

    def phase(end: float, rates: tuple[str, str], momenta: tuple[str, str]) -> dict[str, Any]:
        return {
            "end_step": end, "start_lr": rates[0], "end_lr": rates[1],
            "start_momentum": momenta[0], "end_momentum": momenta[1],
        }  # fmt: skip

    down, up = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum")
    phases = [phase(float(rising * total) - 1, ("initial_lr", "max_lr"), down)]
    if three:
        phases.append(phase(float(2 * rising * total) - 2, ("max_lr", "initial_lr"), up))
        phases.append(phase(total - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")))
    else:
        phases.append(phase(total - 1, ("max_lr", "min_lr"), up))
    return phases
