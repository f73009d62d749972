"""Drawing attention weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from rustorch.errors import ShapeError
from rustorch.visualization import canvas
from rustorch.visualization.values import as_array


def plot_attention_heatmap(
    weights: Any,
    tokens: Sequence[str],
    title: str | None = None,
    save_path: str | os.PathLike[str] | None = None,
    *,
    key_tokens: Sequence[str] | None = None,
    colormap: str = "viridis",
) -> Any:
    """Draw attention weights (queries, keys) with the tokens beside them; return the Figure.

    Args:
        weights: shape (T, S), the weight of each of S keys for each of T queries.
        tokens: the T query tokens.
        title: written above.
        save_path: where to write the picture.
        key_tokens: the S key tokens; `tokens` if None.
        colormap: one of matplotlib's.

    Raises:
        ShapeError: if the weights are not a matrix of one row per token and one column per key token.
    """
    matrix = as_array("plot_attention_heatmap", weights)
    columns = tokens if key_tokens is None else key_tokens
    if matrix.shape != (len(tokens), len(columns)) or not matrix.size:
        raise ShapeError(
            f"plot_attention_heatmap: weights of shape {(len(tokens), len(columns))} are "
            f"required, got {matrix.shape}"
        )
    with canvas.drawing():
        side = min(16.0, max(5.0, 0.4 * max(matrix.shape) + 2))
        figure = canvas.new_figure((side, side * 0.9), 100)
        axes = figure.add_subplot()
        drawn = axes.imshow(matrix, cmap=colormap, vmin=0, interpolation="nearest", aspect="auto")
        figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03).set_label("attention weight")
        axes.grid(visible=False)
        axes.set_xticks(range(len(columns)), [str(t) for t in columns], rotation=45, ha="right")
        axes.set_yticks(range(len(tokens)), [str(t) for t in tokens])
        axes.set(xlabel="Key", ylabel="Query")
        if title:
            axes.set_title(title)
        return canvas.finish(figure, save_path)
