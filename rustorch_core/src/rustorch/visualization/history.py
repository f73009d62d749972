"""Drawing a training history: the loss, and one panel per metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.visualization.values import Array, as_curve

_TRAIN, _VALIDATION = "#1f6fb4", "#d9541e"
_PREFIX = "val_"


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over the epochs; NaN where an epoch has no value."""

    name: str
    epochs: list[int]
    train: Array | None
    validation: Array | None


def panels_of(history: Any, *, show_validation: bool) -> list[Panel]:
    """Return what a history holds, the loss first.

    Args:
        history: a TrainingHistory, or a mapping from names to one number per epoch; names of
            validation figures start with ``val_``, the loss is ``loss`` or ``train_loss``.
        show_validation: whether to keep the validation figures.
    """
    epochs, series = _series(history)
    curves = {name: _curve(name, values) for name, values in series.items()}
    curves = {name: values for name, values in curves.items() if len(values)}
    if not curves:
        raise ArgumentError("plot_training_history: the history holds no epoch")
    longest = max(map(len, curves.values()))
    numbers = epochs or list(range(1, longest + 1))
    names = dict.fromkeys(name.removeprefix(_PREFIX) for name in curves)
    ordered = sorted(names, key=lambda name: name != "loss")  # stable: the others keep their order
    checks = curves if show_validation else {}
    panels = [Panel(name, numbers, curves.get(name), checks.get(_PREFIX + name)) for name in ordered]
    return [panel for panel in panels if panel.train is not None or panel.validation is not None]


def _series(history: Any) -> tuple[list[int], dict[str, Any]]:
    if isinstance(history, Mapping):
        found = dict(history)
        if "train_loss" in found:
            found = {"loss": found.pop("train_loss"), **found}
        return [], found
    if not callable(getattr(history, "state_dict", None)) or "logs" not in (state := history.state_dict()):
        raise ArgumentTypeError(
            "plot_training_history: a TrainingHistory or a mapping from names to numbers is required, "
            f"got {type(history).__name__}"
        )
    # the records epoch by epoch: the lists by name leave out the epochs without validation
    names = dict.fromkeys(name for logs in state["logs"] for name in logs)
    return state["epochs"], {name: [logs.get(name) for logs in state["logs"]] for name in names}


def _curve(name: str, values: Any) -> Array:
    if isinstance(values, Sequence):
        values = [math.nan if value is None else value for value in values]
    return as_curve(f"plot_training_history: {name}", values)


def draw_panel(axes: Any, panel: Panel) -> None:
    """Draw one quantity; the epochs on the axis are whole numbers."""
    from matplotlib.ticker import MaxNLocator

    label = panel.name.replace("_", " ")
    for values, colour, marker, who in (
        (panel.train, _TRAIN, "o", "training"),
        (panel.validation, _VALIDATION, "s", "validation"),
    ):
        if values is None:
            continue
        points = [(e, v) for e, v in zip(panel.epochs, values, strict=False) if not math.isnan(v)]
        few = len(points) <= 40  # more markers than this are a smear
        if not points:
            continue
        axes.plot(
            *zip(*points, strict=True), color=colour, label=who, marker=marker if few else None, markersize=4
        )
    axes.set(title=label[:1].upper() + label[1:], xlabel="Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    first, last = panel.epochs[0], panel.epochs[-1]
    edge = 0.02 * (last - first) or 0.5
    axes.set_xlim(first - edge, last + edge)
    axes.legend()
