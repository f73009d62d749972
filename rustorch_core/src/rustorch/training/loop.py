"""The loop over epochs and batches, shared by ``Model.fit`` and ``Trainer.train``."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rustorch.training.batches import batch_of, length_of, place_of
from rustorch.training.callbacks.base import CallbackList
from rustorch.training.errors import TrainingError
from rustorch.training.evaluation import evaluate
from rustorch.training.guard import Guard
from rustorch.training.heads import watched
from rustorch.training.history import TrainingHistory
from rustorch.training.learner import Learner, Meter, Step, modes_restored
from rustorch.training.progress import Progress


@dataclass(frozen=True)
class Options:
    """How to run the loop."""

    epochs: int
    initial_epoch: int = 0
    verbose: bool = True
    log_frequency: int = 10  # batches between readings of the loss
    validation_frequency: int = 1  # epochs between validations; the last epoch is always validated
    clip_value: float | None = None
    accumulation: int = 1


class Loop:
    """One training run.

    Args:
        learner: what learns.
        train: batches of training data.
        val: batches of validation data, or None.
        callbacks: called at every event.
        history: what is recorded goes here; it stays usable if the run is interrupted.
        guard: runs each part; see :class:`Guard`.
    """

    def __init__(
        self,
        learner: Learner,
        train: Any,
        val: Any,
        options: Options,
        callbacks: CallbackList,
        history: TrainingHistory,
        guard: Guard | None = None,
    ) -> None:
        self.guard = guard or Guard()
        self.learner = learner
        self.train = train
        self.val = val
        self.options = options
        self.callbacks = callbacks
        self.history = history
        self.steps = length_of(train)
        self.progress = Progress(options.epochs, self.steps, verbose=options.verbose)
        self._warned = False

    def run(self, first: Iterator[Any] | None = None) -> TrainingHistory:
        """Train; return the history.

        Args:
            first: the batches of the first epoch, if somebody has begun to read them.
        """
        options, model = self.options, self.learner.model
        names = self.learner.names()
        if self.val is not None:
            names = [*names, *(f"val_{name}" for name in names)]
        params = {
            "epochs": options.epochs,
            "steps": self.steps,
            "metrics": names,
            "larger_is_better": {m.name: m.larger_is_better for m in self.learner.metrics},
        }
        self.callbacks.begin(self.learner, params)
        self.guard.begin(self.learner, self.callbacks.callbacks, self.history)
        model.stop_training = False
        try:
            self._call("on_train_begin", {})
            for epoch in range(options.initial_epoch, options.epochs):
                logs = self._epoch(epoch, first)
                first = None
                self._call("on_epoch_end", epoch, logs)
                self.guard.save()
                if model.stop_training:
                    break
        finally:
            self.progress.close()
            self.learner.optimizer.zero_grad()
            self._call("on_train_end", {})
        return self.history

    def _call(self, event: str, *args: Any) -> None:
        for callback in self.callbacks.callbacks:
            self.guard.read(getattr(callback, event), *args)

    def _epoch(self, epoch: int, first: Iterator[Any] | None) -> dict[str, float]:
        started = time.perf_counter()
        self.progress.start_epoch(epoch)
        self._call("on_epoch_begin", epoch, {})
        logs = self._pass(epoch, self.train if first is None else first)
        options = self.options
        due = (epoch + 1) % options.validation_frequency == 0 or epoch + 1 == options.epochs
        if self.val is not None and (due or self.learner.model.stop_training):
            self._call("on_test_begin", {})
            found = self.guard.read(evaluate, self.learner, self.val, "fit: validation data")
            logs.update({f"val_{name}": value for name, value in found.items()})
            self._call("on_test_end", found)
        self.progress.end_epoch(logs)
        metrics = {name: value for name, value in logs.items() if name not in ("loss", "val_loss")}
        seconds = time.perf_counter() - started
        self.history.add_epoch(logs["loss"], logs.get("val_loss"), metrics, epoch=epoch + 1, seconds=seconds)
        return logs

    def _pass(self, epoch: int, batches: Any) -> dict[str, float]:
        """Learn from every batch once."""
        learner, options = self.learner, self.options
        model = learner.model
        every = 1 if self.callbacks.want_batches else options.log_frequency
        with modes_restored(model, training=True), watched(model) as heads:
            step = Step(learner, heads, clip_value=options.clip_value, accumulation=options.accumulation)
            meter = Meter(learner)

            def learn(raw: Any) -> None:
                batch = batch_of(raw, place_of(model), what="fit")  # a callback may have moved the model
                loss, scores = step(batch)
                meter.add(loss, scores, batch)

            guard = self.guard
            guard.save(step, meter, heads)
            for number, raw in enumerate(batches):
                self._call("on_train_batch_begin", number, {})
                guard.act(learn, raw)
                logs = guard.read(meter.logs) if (number + 1) % every == 0 else None
                if logs is not None:
                    self._check(logs["loss"], epoch, number)
                    self._call("on_train_batch_end", number, logs)
                self.progress.advance(logs)
                guard.mark(step, meter, heads, gradients=step.gathering)
                if model.stop_training:
                    break
            guard.act(step.update)
            if not meter.samples:
                raise TrainingError("fit: the training data has no batches")
            logs = guard.read(meter.logs)
            guard.save(step, meter, heads)
            self._check(logs["loss"], epoch, number)
            return logs  # type: ignore[no-any-return]

    def _check(self, loss: float, epoch: int, batch: int) -> None:
        if math.isfinite(loss) or self._warned:
            return
        self._warned = True
        warnings.warn(
            f"fit: the loss became {loss} in epoch {epoch + 1} by batch {batch + 1}; "
            "try a smaller learning rate, clipped gradients, or look for NaN in the data "
            "(the callback TerminateOnNaN stops here)",
            RuntimeWarning,
            stacklevel=2,
        )


def begun(batches: Any) -> tuple[Any, Iterator[Any]]:
    """Return the first batch, and an iterator over all of them for the first epoch."""
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        raise TrainingError("fit: the training data has no batches")
    return first, chain([first], iterator)
