"""What stands between the training loop and the device that it works on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.device import Device, get_default_device
from rustorch.training.batches import place_of


class Guard:
    """Runs the parts of a training loop as they are.

    A subclass may do more, such as going on elsewhere when the device is lost.  For that the loop says
    which parts change the state of the run (`act`) and which only look at it (`read`), and when the state
    is whole, so that it could be saved (`mark`, `save`).
    """

    #: Devices that the run had to leave.
    lost: tuple[Device, ...] = ()

    def data(self, batches: Any) -> Any:
        """Return the batches that the loop shall read in place of these."""
        return batches

    def begin(self, learner: Any, callbacks: list[Any], history: Any) -> None:
        """Get to know the run."""

    def act(self, action: Callable[..., Any], *args: Any) -> Any:
        """Run what changes the learner: a step."""
        return action(*args)

    def read(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run what looks at the learner: metrics, a validation, a callback."""
        return function(*args)

    def mark(self, *parts: Any, gradients: bool) -> None:
        """Note that a batch is done.

        Args:
            parts: what counts along with the learner during a pass.
            gradients: whether gradients are gathered that the next batch adds to.
        """

    def save(self, *parts: Any) -> None:
        """Note that the next failure must not lead to before this moment; `parts` as for `mark`."""


def guard_for(model: Any, fallback: Any, every: int) -> Guard:
    """Return the guard of a training run: one that only looks on, or one that goes on elsewhere.

    Args:
        model: what is to be trained.
        fallback: where to go on if its device is lost; None to raise the error.
        every: batches between two snapshots.

    Raises:
        DeviceError: if the fallback device cannot be opened.
    """
    if fallback is None:
        return Guard()
    if place_of(model).device is None:  # not built yet; its layers must not follow the data
        model.to(device=get_default_device())
    from rustorch.hardware.failover import Failover  # which is written on parts of this package

    return Failover(fallback, every)
