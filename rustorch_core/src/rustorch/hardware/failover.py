"""Going on with a training run on another device when its own is lost."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rustorch import rng
from rustorch.base import TensorBase
from rustorch.device import Device
from rustorch.errors import DeviceLostError, DTypeError
from rustorch.hardware.holdings import Holdings
from rustorch.hardware.snapshot import Shelf, Snapshot
from rustorch.nn import Module
from rustorch.optim import Optimizer
from rustorch.runtime import opened
from rustorch.training.batches import ArrayBatches
from rustorch.training.guard import Guard
from rustorch.training.history import TrainingHistory
from rustorch.training.metrics import Metric


@dataclass(frozen=True, slots=True)
class _Act:
    """One step since the last snapshot, with what decided its outcome besides the tensors."""

    action: Callable[..., Any]
    args: tuple[Any, ...]
    stream: dict[str, int]
    options: list[dict[str, Any]]  # of the optimizer's groups


class Failover(Guard):
    """Keeps a snapshot of the run in host memory; after a device loss rebuilds it and repeats the steps since.

    Only what was on the device is lost: callbacks, schedules and the position in the data live on.  So
    the steps are repeated with the batches, learning rates and random numbers that they had, callbacks are
    not called again, and the run goes on as if nothing had happened.

    Args:
        device: where to go on.
        every: batches between two snapshots.

    Raises:
        DeviceError: if the device cannot be opened.
    """

    def __init__(self, device: Device | str, every: int) -> None:
        self.device = opened(Device(device))
        self.every = every
        self._watching = False
        self._snapshot: Snapshot | None = None
        self._shelf = Shelf()
        self._acts: list[_Act] = []

    # -- what the loop calls -----------------------------------------------------------------------

    def data(self, batches: Any) -> Any:
        """Return the same batches in memory of the fallback device."""
        if isinstance(batches, ArrayBatches):
            tensors = [x.detach().to(self.device) for x in batches.tensors]
            batches = ArrayBatches(tensors, batches.batch_size, shuffle=batches.shuffle)
        elif isinstance(batches, (list, tuple)):
            batches = [_placed(raw, self.device) for raw in batches]
        return _Elsewhere(batches, self.device)

    def begin(self, learner: Any, callbacks: list[Any], history: TrainingHistory) -> None:
        """Check that the run could go on there, and take the first snapshot.

        Raises:
            DTypeError: if the fallback device lacks a dtype.
        """
        self._learner, self._callbacks, self._history = learner, callbacks, history
        held = Holdings([learner], "train")
        for x in held.tensors:
            if x.dtype.name not in self.device.info.dtypes:
                raise DTypeError(
                    f"train: {held.name(x)} is {x.dtype.name}, which does not exist on the fallback device "
                    f"{self.device}"
                )
        self._watching = any(x.device is not self.device for x in held.tensors)
        self.save()

    def act(self, action: Callable[..., Any], *args: Any) -> Any:
        """Run a step; if the device is lost, run it on the fallback device after all before it."""
        if not self._watching:
            return self._run(action, args)
        self._acts.append(_Act(action, args, rng.get_rng_state(), self._options()))
        try:
            return action(*args)
        except DeviceLostError as error:
            lost = error
        return self._go_on(lost)

    def read(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run what only looks; if the device is lost, look again on the fallback device."""
        if not self._watching:
            return self._run(function, args)
        stream = rng.get_rng_state()
        try:
            return function(*args)
        except DeviceLostError as error:
            lost = error
        self._go_on(lost)
        rng.set_rng_state(stream)
        return self._run(function, args)

    def mark(self, *parts: Any, gradients: bool) -> None:
        """Take a snapshot if it is time."""
        if self._watching and len(self._acts) >= self.every:
            self._take(parts, gradients=gradients)

    def save(self, *parts: Any) -> None:
        """Take a snapshot."""
        if self._watching:
            self._take(parts, gradients=False)

    # -- snapshots ---------------------------------------------------------------------------------

    def _take(self, parts: tuple[Any, ...], *, gradients: bool) -> None:
        # callbacks are no part of what is undone: only their tensors are kept
        held = Holdings([self._learner, *parts, self._callbacks], "train", gradients=gradients)
        remembered: list[Any] = [vars(part) for part in parts]
        for holder in held.holders:
            if isinstance(holder, Module):
                remembered += [vars(holder)["_parameters"], vars(holder)["_buffers"]]
            elif isinstance(holder, Optimizer):
                remembered.append(holder.state)
            elif isinstance(holder, Metric):
                remembered.append(vars(holder))
        try:
            taken = Snapshot(held, remembered, self._snapshot, self._shelf)
        except DeviceLostError as error:
            if self._snapshot is None:
                raise  # nothing was saved yet
            lost = error
        else:
            if self._snapshot is not None:
                self._shelf.retire(self._snapshot, taken)
            self._snapshot, self._held = taken, held
            self._acts.clear()
            return
        stream = rng.get_rng_state()
        self._go_on(lost)
        rng.set_rng_state(stream)

    def _options(self) -> list[dict[str, Any]]:
        return [
            {key: value for key, value in group.items() if key != "params"}
            for group in self._learner.optimizer.param_groups
        ]

    def _use(self, options: list[dict[str, Any]]) -> None:
        for group, values in zip(self._learner.optimizer.param_groups, options, strict=False):
            group.update(values)

    # -- after the loss ----------------------------------------------------------------------------

    def _go_on(self, lost: DeviceLostError) -> Any:
        """Rebuild the run on the fallback device and repeat the steps since; return what the last one did."""
        snapshot, acts, options = self._snapshot, self._acts, self._options()
        assert snapshot is not None  # noqa: S101 - taken by `begin`
        left = tuple({x.device: None for x in self._held.tensors if x.device is not self.device})
        places = ", ".join(map(str, left))
        snapshot.rebuild(self.device)
        self._watching, self.lost = False, left
        self._snapshot, self._acts, self._shelf = None, [], Shelf()
        for table in self._held.hypers:
            table.leave(left)
        for holder, name in list(self._held.naming(left)):
            object.__setattr__(holder, name, self.device)
        self._history.add_fallback(places, str(self.device), repeated=len(acts), error=str(lost))
        warnings.warn(
            f"train: device {places} was lost ({lost}); training goes on on {self.device} "
            f"from the last snapshot (steps to repeat: {len(acts)})",
            RuntimeWarning,
            stacklevel=4,
        )
        result = None
        for act in acts:
            rng.set_rng_state(act.stream)
            self._use(act.options)
            result = self._run(act.action, act.args)
        self._use(options)
        return result

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if not self.lost:
            return function(*args)
        with self.device:  # what makes tensors without saying where must not ask the lost device
            return function(*args)


class _Elsewhere:
    """Batches that are made in the memory of a device, whatever the default device is."""

    def __init__(self, batches: Any, device: Device) -> None:
        self.batches = batches
        self.device = device

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        with self.device:
            iterator = iter(self.batches)
        while True:
            try:
                with self.device:
                    raw = _placed(next(iterator), self.device)
            except StopIteration:
                return
            except DeviceLostError as error:
                raise DeviceLostError(
                    f"train: the data itself is on a device that was lost, so the run cannot go on ({error})",
                    hint=f"keep the dataset in host memory, or on {self.device}",
                ) from error
            yield raw


def _placed(raw: Any, device: Device) -> Any:
    """Return a batch with its tensors on a device."""
    if isinstance(raw, TensorBase):
        return raw if raw.device is device else raw.detach().to(device)
    if isinstance(raw, (list, tuple)):
        return [_placed(item, device) for item in raw]
    return raw
