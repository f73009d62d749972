"""A model with its loss, optimizer and metrics: what happens to one batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from rustorch.autograd import no_grad
from rustorch.errors import ArgumentError
from rustorch.nn.parameter import UninitializedTensor
from rustorch.training.batches import Batch
from rustorch.training.heads import Heads
from rustorch.training.losses import Scores
from rustorch.training.metrics import Metric
from rustorch.training.objective import Objective


def is_materialized(model: Any) -> bool:
    """Return whether all parameters have values; lazy modules get theirs with the first batch."""
    return not any(isinstance(t, UninitializedTensor) for t in chain(model.parameters(), model.buffers()))


@contextmanager
def modes_restored(model: Any, *, training: bool) -> Iterator[None]:
    """Set training or evaluation mode, and put every module back to its own mode at the end."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


class Step:
    """Forward, backward and update, with gradients gathered over several batches.

    Args:
        clip_value: gradients are clipped to [-clip_value, clip_value].
        accumulation: batches per update; the gradient is that of all their samples together.
    """

    def __init__(
        self, learner: Learner, heads: Heads, *, clip_value: float | None = None, accumulation: int = 1
    ) -> None:
        self.learner = learner
        self.heads = heads
        self.clip_value = clip_value
        self.accumulation = accumulation
        self._batches = self._samples = 0

    def __call__(self, batch: Batch) -> tuple[Any, Scores]:
        """Learn from a batch; return the loss (detached) and the scores."""
        learner = self.learner
        if self._batches == 0:
            learner.optimizer.zero_grad()
        scores = self.heads.scores(learner.model(*batch.inputs))
        loss = learner.objective(scores, batch.target)
        if self.accumulation == 1 or learner.objective.sums:
            loss.backward()
        else:
            (loss * batch.size).backward()
        self._batches += 1
        self._samples += batch.size
        if self._batches == self.accumulation:
            self.update()
        return loss.detach(), scores

    @property
    def gathering(self) -> bool:
        """Whether there are gradients that the next batch adds to."""
        return bool(self._batches)

    def update(self) -> None:
        """Change the parameters by what was gathered; nothing if nothing was."""
        if not self._batches:
            return
        if self.accumulation > 1 and not self.learner.objective.sums:
            self._each_gradient(lambda grad: grad.div_(self._samples))
        if self.clip_value is not None:
            limit = self.clip_value
            self._each_gradient(lambda grad: grad.clamp_(-limit, limit))
        self.learner.optimizer.step()
        self._batches = self._samples = 0

    def _each_gradient(self, change: Any) -> None:
        with no_grad():
            for group in self.learner.optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        change(parameter.grad)


class Learner:
    """A model, what it minimises, what changes it, and what is measured."""

    def __init__(self, model: Any, objective: Objective, optimizer: Any, metrics: list[Metric]) -> None:
        names = {m.name for m in metrics}
        if "loss" in names:
            raise ArgumentError("metrics: 'loss' is always there, give the metric another name")
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.metrics = metrics

    def names(self) -> list[str]:
        """Return what is measured: the loss, then every metric."""
        return ["loss", *(m.name for m in self.metrics)]

    def measure(self, scores: Scores, target: Any) -> None:
        """Give a batch to the metrics."""
        if self.metrics:
            with no_grad():
                prediction = self.objective.for_metrics(scores)
                for metric in self.metrics:
                    metric.update(prediction, target)


class Meter:
    """The mean loss over samples, and the metrics, of the batches so far.

    Losses are read from the device only when asked for, since reading waits for the device.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._pending: list[tuple[Any, int]] = []
        self._total, self._weight = 0.0, 0
        self.samples = 0
        for metric in learner.metrics:
            metric.reset()

    def add(self, loss: Any, scores: Scores, batch: Batch) -> None:
        """Take in a batch."""
        self.samples += batch.size
        self._pending.append((loss, batch.size))
        self.learner.measure(scores, batch.target)

    def loss(self) -> float:
        """Return the mean loss over all samples."""
        for loss, size in self._pending:
            value = float(loss)
            self._total += value if self.learner.objective.sums else value * size
            self._weight += size
        self._pending.clear()
        return self._total / self._weight if self._weight else float("nan")

    def logs(self) -> dict[str, float]:
        """Return the loss and every metric by name."""
        return {"loss": self.loss(), **{m.name: m.compute() for m in self.learner.metrics}}
