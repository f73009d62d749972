"""Passing over data without learning."""

from __future__ import annotations

from typing import Any

from rustorch.autograd import no_grad
from rustorch.training.batches import batch_of, place_of
from rustorch.training.errors import TrainingError
from rustorch.training.heads import watched
from rustorch.training.learner import Learner, Meter, modes_restored


def evaluate(learner: Learner, batches: Any, what: str = "evaluate") -> dict[str, float]:
    """Return the loss and every metric over all batches, in evaluation mode and without gradients."""
    model = learner.model
    with modes_restored(model, training=False), watched(model) as heads, no_grad():
        meter = Meter(learner)
        place = place_of(model)
        for raw in batches:
            batch = batch_of(raw, place, what=what)
            scores = heads.scores(model(*batch.inputs))
            meter.add(learner.objective(scores, batch.target), scores, batch)
        if not meter.samples:
            raise TrainingError(f"{what}: the data has no batches")
        return meter.logs()


def predict(model: Any, batches: Any) -> list[Any]:
    """Return the predictions of every batch, in evaluation mode and without gradients."""
    with modes_restored(model, training=False), no_grad():
        place = place_of(model)
        return [model(*batch_of(raw, place, what="predict", with_target=False).inputs) for raw in batches]
