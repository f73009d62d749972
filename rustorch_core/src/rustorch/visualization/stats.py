"""Summary statistics of a tensor, and their picture."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from rustorch.errors import ArgumentError
from rustorch.visualization import canvas
from rustorch.visualization.values import as_array


class TensorStats:
    """Count, mean, standard deviation and quantiles of a tensor's elements.

    The standard deviation is that of a sample (divided by n - 1), as ``Tensor.std`` has it.

    >>> import rustorch
    >>> rustorch.visualization.TensorStats(rustorch.tensor([1.0, 2.0, 3.0])).get_stats()["mean"]
    2.0
    """

    def __init__(self, tensor: Any) -> None:
        self._values = as_array("TensorStats", tensor).reshape(-1).astype(np.float64)
        if not self._values.size:
            raise ArgumentError("TensorStats: at least one element is required, got none")
        self._stats: dict[str, float] | None = None

    def compute_stats(self) -> dict[str, float]:
        """Compute and return count, mean, std, min, max, median, q25 and q75."""
        v = self._values
        q25, median, q75 = (float(q) for q in np.quantile(v, (0.25, 0.5, 0.75)))
        self._stats = {
            "count": v.size,
            "mean": float(v.mean()),
            "std": float(v.std(ddof=1)) if v.size > 1 else float("nan"),
            "min": float(v.min()),
            "max": float(v.max()),
            "median": median,
            "q25": q25,
            "q75": q75,
        }
        return dict(self._stats)

    def get_stats(self) -> dict[str, float]:
        """Return the statistics, computing them the first time."""
        return dict(self._stats) if self._stats is not None else self.compute_stats()

    def plot_stats(self, save_path: str | os.PathLike[str] | None = None, title: str | None = None) -> Any:
        """Draw the distribution with its quartiles, above a table of the figures; return the Figure."""
        stats = self.get_stats()
        finite = self._values[np.isfinite(self._values)]
        with canvas.drawing():
            figure = canvas.new_figure((10, 6), 100)
            above, below = figure.subplots(2, 1, height_ratios=[5, 1])
            above.hist(finite, bins=40, color="#1f6fb4", edgecolor="white")
            for name, style in (("q25", ":"), ("median", "-"), ("q75", ":")):
                above.axvline(
                    stats[name], color="#d9541e", linestyle=style, label=f"{name} {stats[name]:.4g}"
                )
            above.set(title=title or "Distribution of the elements", xlabel="Value", ylabel="Count")
            above.legend()
            below.set_axis_off()
            cells = [[f"{value:.5g}" for value in stats.values()]]
            below.table(cells, colLabels=list(stats), loc="center", cellLoc="center").scale(1, 1.5)
            return canvas.finish(figure, save_path)
