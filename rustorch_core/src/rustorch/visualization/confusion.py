"""Drawing a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rustorch.errors import ArgumentError, ShapeError
from rustorch.visualization.values import Array, as_array

#: With more classes than this the numbers do not fit into the cells.
_MOST_NUMBERS = 25


def matrix_of(matrix: Any, labels: Sequence[Any] | None) -> tuple[Array, list[str]]:
    """Return a square matrix of counts and one label per class."""
    counts = as_array("plot_confusion_matrix", matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ShapeError(f"plot_confusion_matrix: a square matrix is required, got shape {counts.shape}")
    if (counts < 0).any() or not np.isfinite(counts).all():
        raise ArgumentError("plot_confusion_matrix: counts must be finite and not negative")
    names = [str(label) for label in labels] if labels is not None else [str(i) for i in range(len(counts))]
    if len(names) != len(counts):
        raise ShapeError(f"plot_confusion_matrix: {len(counts)} labels are required, got {len(names)}")
    return counts, names


def draw_confusion(axes: Any, counts: Array, labels: list[str], *, normalize: bool, colormap: str) -> None:
    """Draw rows of true and columns of predicted classes; the colour is the share of the row."""
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    drawn = axes.imshow(shares, cmap=colormap, vmin=0, vmax=1, interpolation="nearest")
    bar = axes.figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the true class")
    axes.grid(visible=False)
    places = range(len(labels))
    slanted = max(map(len, labels)) > 3
    axes.set_xticks(places, labels, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    axes.set_yticks(places, labels)
    axes.set(xlabel="Predicted class", ylabel="True class")
    axes.spines[:].set_visible(True)
    if len(labels) <= _MOST_NUMBERS:
        size = 12 if len(labels) <= 6 else 10 if len(labels) <= 12 else 7
        for i in places:
            for j in places:
                text = f"{100 * shares[i, j]:.0f} %" if normalize else f"{counts[i, j]:g}"
                light = sum(drawn.cmap(shares[i, j])[:3]) < 1.5
                axes.text(
                    j, i, text, ha="center", va="center", fontsize=size, color="white" if light else "black"
                )
