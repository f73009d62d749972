"""The base of all schedules of the learning rate."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.ops.blame import explaining
from rustorch.optim.optimizer import Optimizer

Rates = list[float]


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise unless this is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentTypeError(f"{name}: an Optimizer is required, got {type(optimizer).__name__}")


def per_group(name: str, optimizer: Optimizer, what: str, value: Any) -> list[Any]:
    """Return one value per parameter group, given one for all or a list."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(
            f"{name}: {what} must have one value per parameter group, {count}, got {len(value)}"
        )
    return list(value)


def positive_int(name: str, what: str, value: Any, low: int = 1) -> int:
    """Return an integer of at least `low`, else raise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ArgumentError(f"{name}: {what} must be an integer of at least {low}, got {value!r}")
    return value


def in_a_step(get_lr: Callable[[Any], Rates]) -> Callable[[Any], Rates]:
    """Let ``get_lr()`` compute the next rates in a step, and tell the present ones when a user calls it.

    Most schedules compute the next rate from the present one, so a call in between would be off by one.
    """

    @functools.wraps(get_lr)
    def chosen(self: LRScheduler) -> Rates:
        return get_lr(self) if self._get_lr_called_within_step else self.get_last_lr()

    return chosen


class LRScheduler:
    """Base class of schedules: a subclass defines ``get_lr``, which returns the next rate of each group.

    The first rates are set when it is made; then ``step()`` is called after each epoch (or batch), after
    ``optimizer.step()``.

    >>> import rustorch
    >>> class Halving(rustorch.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [base * 0.5**self.last_epoch for base in self.base_lrs]
    >>> optimizer = rustorch.optim.SGD([rustorch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> optimizer.step(), scheduler.step(), scheduler.get_last_lr()
    (None, None, [0.5])
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the library's schedules name the argument that is wrong when they cannot be made."""
        super().__init_subclass__(**options)
        if cls.__module__.startswith("rustorch.optim.") and "__init__" in cls.__dict__:
            cls.__init__ = explaining(cls.__init__, cls.__name__, eager=True)  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        """Set the first rates.

        Args:
            optimizer: whose groups' ``"lr"`` is scheduled.
            last_epoch: -1 to begin; to resume the last epoch done, with ``"initial_lr"`` in each group.

        Raises:
            ArgumentError: if ``"initial_lr"`` is missing when resuming.
        """
        name = type(self).__name__
        check_optimizer(name, optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"{name}: parameter group {i} has no 'initial_lr', which last_epoch={last_epoch} needs",
                    hint="load the optimizer's state_dict first",
                )
        self.base_lrs: Rates = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            del self._is_initial

    @property
    def present(self) -> Rates:
        """The rates that the optimizer has now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> Rates:
        """Return the rates that the last step has set, one per parameter group."""
        return self._last_lr

    def get_lr(self) -> Rates:
        """Return the next rate of each group; called by ``step``, when ``self.last_epoch`` is the new epoch.

        The schedules of this package answer with the present rates when called outside of a step.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to the one given, and set the rates."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(), which skips the first "
                "learning rate; call optimizer.step() first",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                rates = self.get_lr()
            else:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", self.get_lr)
                rates = closed()
        finally:
            del self._get_lr_called_within_step
        self._set(rates)

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self.present

    def state_dict(self) -> dict[str, Any]:
        """Return where the schedule stands: all its attributes but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to where `state_dict` says; the optimizer's own rates come with the optimizer's state."""
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "optimizer"})
