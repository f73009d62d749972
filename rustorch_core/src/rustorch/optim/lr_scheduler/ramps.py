"""Schedules that change the rate a little at every step: linear, exponential, polynomial, by a function."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.optim.lr_scheduler.base import (
    LRScheduler,
    Rates,
    check_optimizer,
    in_a_step,
    per_group,
    positive_int,
)
from rustorch.optim.optimizer import Optimizer


class LinearLR(LRScheduler):
    """Go from `start_factor` times the rate to `end_factor` times, in `total_iters` equal steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ArgumentError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ArgumentError(f"LinearLR: end_factor must be between 0 and 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = positive_int("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self.last_epoch == 0:
            return [rate * self.start_factor for rate in self.present]
        if self._is_initial or self.last_epoch > self.total_iters:
            return self.present
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [rate * (1.0 + rise / before) for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        part = min(self.total_iters, self.last_epoch)
        rise = self.end_factor - self.start_factor
        return [base * (self.start_factor + rise * part / self.total_iters) for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiply the rate by `gamma` at every step.

    >>> import rustorch
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rustorch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step(), scheduler.step(), scheduler.get_last_lr()
    (None, None, [0.5])
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        return self.present if self._is_initial else [rate * self.gamma for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Lower the rate to 0 in `total_iters` steps, as ``(1 - epoch / total_iters) ** power``."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = positive_int("PolynomialLR", "total_iters", total_iters)
        self.power = power
        super().__init__(optimizer, last_epoch)

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return self.present
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return [rate * (left / before) ** self.power for rate in self.present]

    def _get_closed_form_lr(self) -> Rates:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]


class _ByFunction(LRScheduler):
    """A schedule by a function of the epoch, one for all groups or one each."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        name = type(self).__name__
        check_optimizer(name, optimizer)
        self.lr_lambdas: list[Callable[[int], float]] = per_group(name, optimizer, "lr_lambda", lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise ArgumentTypeError(f"{name}: lr_lambda must be callable, got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule stands; of the functions only the attributes of callable objects."""
        state = {key: value for key, value in super().state_dict().items() if key != "lr_lambdas"}
        state["lr_lambdas"] = [
            None if isinstance(f, types.FunctionType) else dict(getattr(f, "__dict__", {}))
            for f in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to where `state_dict` says; the functions stay those this schedule was made with."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if attributes:
                function.__dict__.update(attributes)


class LambdaLR(_ByFunction):
    """Set the rate to ``lr_lambda(epoch)`` times the initial one.

    >>> import rustorch
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=0.5)
    >>> scheduler = rustorch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    >>> optimizer.step(), scheduler.step(), scheduler.get_last_lr()
    (None, None, [0.25])
    """

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_ByFunction):
    """Multiply the rate by ``lr_lambda(epoch)`` at every step."""

    @in_a_step
    def get_lr(self) -> Rates:
        """Return the next rates."""
        if self._is_initial:
            return self.present
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, self.present, strict=True)]
