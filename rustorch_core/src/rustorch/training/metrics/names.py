"""Metrics by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.training.errors import did_you_mean
from rustorch.training.metrics.accuracy import Accuracy, TopKAccuracy
from rustorch.training.metrics.base import FunctionMetric, Metric
from rustorch.training.metrics.classification import F1, Precision, Recall
from rustorch.training.metrics.regression import MAE, MSE, RMSE

METRICS: dict[str, Callable[[str], Metric]] = {
    "accuracy": lambda name: Accuracy(name=name),
    "acc": lambda name: Accuracy(name=name),
    "binary_accuracy": lambda name: Accuracy(name=name),
    "categorical_accuracy": lambda name: Accuracy(name=name),
    "sparse_categorical_accuracy": lambda name: Accuracy(name=name),
    "top_5_accuracy": lambda name: TopKAccuracy(5, name),
    "top_k_categorical_accuracy": lambda name: TopKAccuracy(5, name),
    "mae": MAE,
    "mean_absolute_error": MAE,
    "mse": MSE,
    "mean_squared_error": MSE,
    "rmse": RMSE,
}
for _key, _kind in (("precision", Precision), ("recall", Recall), ("f1", F1), ("f1_score", F1)):
    METRICS[_key] = partial(_kind, "auto", 0.5)
    for _average in ("binary", "macro", "micro"):
        METRICS[f"{_key}_{_average}"] = partial(_kind, _average, 0.5)
_TOP_K = re.compile(r"top_(\d+)_accuracy")


def metric(spec: Any) -> Metric:
    """Return the metric that a name, a class, a function or a metric describes.

    Raises:
        ArgumentError: if there is no metric of that name; names the closest.
    """
    if isinstance(spec, Metric):
        fresh = copy(spec)
        fresh.reset()
        return fresh
    if isinstance(spec, type) and issubclass(spec, Metric):
        return spec()  # type: ignore[call-arg]
    if not isinstance(spec, str):
        return FunctionMetric(spec)
    found = METRICS.get(spec.lower())
    if found is not None:
        return found(spec)
    top = _TOP_K.fullmatch(spec.lower())
    if top:
        return TopKAccuracy(int(top[1]), spec)
    raise ArgumentError(
        f"compile: no metric {spec!r}{did_you_mean(spec, METRICS)}",
        hint=f"the metrics are {', '.join(METRICS)}, top_<k>_accuracy, or a function of (prediction, target)",
    )


def metrics_of(specs: Any, task: str = "") -> list[Metric]:
    """Return the metrics for a list of specifications, or a single one.

    Args:
        specs: what the user gave; None for nothing.
        task: what the loss says about predictions.
    """
    if specs is None:
        return []
    if isinstance(specs, (str, Metric, type)) or not isinstance(specs, Iterable):
        specs = [specs]
    made = [metric(spec) for spec in specs]
    names = [m.name for m in made]
    for name in names:
        if names.count(name) > 1 or name == "loss":
            why = "'loss' is always there" if name == "loss" else f"{name!r} occurs twice"
            raise ArgumentError(f"compile: metrics need different names, {why}")
    for one in made:
        one.task = task
    return made
