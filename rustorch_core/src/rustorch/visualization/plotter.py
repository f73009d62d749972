"""The class ``Plotter``: one method per kind of picture."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from rustorch.errors import ArgumentError, ShapeError
from rustorch.visualization import canvas, confusion, history, images
from rustorch.visualization.values import as_array, as_curve, paired

Path = str | os.PathLike[str]


class Plotter:
    """Draws training runs and tensors.  Every method returns the matplotlib Figure.

    With ``save_path`` the picture is also written to a file; its ending chooses the format.
    Nothing is shown on a screen, and none is needed.

    Args:
        backend: ``"matplotlib"``.
        style: ``"default"`` or one of matplotlib's styles.
        figure_size: width and height in inches.
        dpi: pixels per inch.

    Raises:
        MissingPackageError: if matplotlib is not installed.

    >>> import rustorch
    >>> from rustorch.visualization import Plotter
    >>> figure = Plotter().plot_tensor_as_image(rustorch.eye(8), title="Identity", save_path="eye.png")
    """

    def __init__(
        self,
        backend: str = "matplotlib",
        style: str = "default",
        figure_size: tuple[float, float] = (10, 6),
        dpi: int = 100,
    ) -> None:
        if backend != "matplotlib":
            raise ArgumentError(f"Plotter: backend must be 'matplotlib', got {backend!r}")
        width, height = figure_size
        if not (width > 0 and height > 0 and dpi > 0):
            raise ArgumentError(f"Plotter: figure_size and dpi must be positive, got {figure_size} and {dpi}")
        canvas.check_style(style)
        self.backend = backend
        self.style = style
        self.figure_size = (float(width), float(height))
        self.dpi = dpi

    def __repr__(self) -> str:
        return f"Plotter(style={self.style!r}, figure_size={self.figure_size}, dpi={self.dpi})"

    def plot_training_history(
        self, history: Any, save_path: Path | None = None, show_validation: bool = True
    ) -> Any:
        """Draw loss and metrics over the epochs, one panel each.

        Args:
            history: what ``fit`` returned, or a mapping such as ``{"loss": [...], "val_loss": [...]}``.
            save_path: where to write the picture.
            show_validation: whether to draw the validation figures as well.

        Raises:
            ArgumentError: if the history holds no epoch.
        """
        panels = _panels_of(history, show_validation=show_validation)
        columns = min(len(panels), 2)
        rows = math.ceil(len(panels) / columns)
        width, height = self.figure_size
        with canvas.drawing(self.style):
            figure = canvas.new_figure(
                (width * (1 if columns == 1 else 1.2), height * (1 + 0.7 * (rows - 1))), self.dpi
            )
            for place, panel in enumerate(panels, 1):
                _draw_panel(figure.add_subplot(rows, columns, place), panel)
            return canvas.finish(figure, save_path)

    def plot_tensor_as_image(
        self,
        tensor: Any,
        title: str | None = None,
        save_path: Path | None = None,
        colormap: str = "viridis",
    ) -> Any:
        """Draw a tensor as an image.

        (H, W) and (1, H, W) are drawn in `colormap` with a scale, (3, H, W) and (4, H, W) in their own
        colours, (C, H, W) with another C as C feature maps, (N, C, H, W) as a sheet of N images (at
        most 64).  Colours are 0 to 255 in uint8 and 0 to 1 in other dtypes; what lies outside is
        scaled, and the picture says so.

        Raises:
            ShapeError: if the tensor has fewer than two dims or more than four, or no pixels.
        """
        with canvas.drawing(self.style):
            figure = canvas.new_figure(self.figure_size, self.dpi)
            images.draw_image(figure.add_subplot(), "plot_tensor_as_image", tensor, title, colormap)
            return canvas.finish(figure, save_path)

    def line_plot(
        self,
        x_data: Any,
        y_data: Any,
        title: str | None = None,
        save_path: Path | None = None,
        *,
        xlabel: str | None = None,
        ylabel: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> Any:
        """Draw y over x as a line; a second dim of `y_data` holds several lines, named by `labels`.

        Raises:
            ShapeError: if the lengths differ, or there is not one label per line.
        """
        x, y = paired("line_plot", x_data, y_data)
        lines = y.reshape(len(y), -1).T
        names: list[str | None] = [None] * len(lines) if labels is None else [str(label) for label in labels]
        if len(names) != len(lines):
            raise ShapeError(f"line_plot: one label per line is required, got {len(names)} for {len(lines)}")
        with canvas.drawing(self.style):
            figure, axes = self._single(title, xlabel, ylabel)
            for line, name in zip(lines, names, strict=True):
                axes.plot(x, line, label=name)
            if labels is not None:
                axes.legend()
            return canvas.finish(figure, save_path)

    def scatter_plot(
        self,
        x_data: Any,
        y_data: Any,
        title: str | None = None,
        save_path: Path | None = None,
        *,
        xlabel: str | None = None,
        ylabel: str | None = None,
        colors: Any = None,
        sizes: Any = None,
        colormap: str = "viridis",
    ) -> Any:
        """Draw points; `colors` is one number per point (drawn in `colormap`), `sizes` one area in points².

        Raises:
            ShapeError: if the lengths differ.
        """
        x, y = paired("scatter_plot", x_data, as_curve("scatter_plot: y_data", y_data))
        shades = None if colors is None else paired("scatter_plot: colors", colors, y)[0]
        areas = 30.0 if sizes is None else paired("scatter_plot: sizes", sizes, y)[0]
        with canvas.drawing(self.style):
            figure, axes = self._single(title, xlabel, ylabel)
            cmap = None if shades is None else colormap
            points = axes.scatter(
                x, y, s=areas, c=shades, cmap=cmap, alpha=0.8, edgecolors="white", linewidths=0.5
            )
            if shades is not None:
                figure.colorbar(points, ax=axes, fraction=0.046, pad=0.03)
            return canvas.finish(figure, save_path)

    def histogram(
        self,
        data: Any,
        bins: int = 30,
        title: str | None = None,
        save_path: Path | None = None,
        *,
        xlabel: str | None = "Value",
        ylabel: str | None = "Count",
    ) -> Any:
        """Draw how often values occur, with their mean; values that are not finite are left out and counted.

        Raises:
            ArgumentError: if there is no finite value, or `bins` is not positive.
        """
        if type(bins) is not int or bins < 1:
            raise ArgumentError(f"histogram: bins must be a positive integer, got {bins!r}")
        values = as_array("histogram", data).reshape(-1).astype(np.float64)
        finite = values[np.isfinite(values)]
        if not finite.size:
            raise ArgumentError(f"histogram: at least one finite value is required, got {values.size} values")
        with canvas.drawing(self.style):
            figure, axes = self._single(title, xlabel, ylabel)
            left_out = f", {values.size - finite.size} not finite" if finite.size < values.size else ""
            axes.hist(
                finite, bins=bins, color="#1f6fb4", edgecolor="white", label=f"n = {finite.size}{left_out}"
            )
            mean = float(finite.mean())
            axes.axvline(mean, color="#d9541e", linestyle="--", label=f"mean {mean:.4g}")
            axes.legend()
            return canvas.finish(figure, save_path)

    def plot_multiple_tensors(
        self,
        tensors: Sequence[Any],
        titles: Sequence[str] | None = None,
        layout: tuple[int, int] | None = None,
        save_path: Path | None = None,
        *,
        colormap: str = "viridis",
    ) -> Any:
        """Draw several tensors beside each other: one-dimensional ones as lines, the others as images.

        Args:
            tensors: at least one.
            titles: one each.
            layout: (rows, columns); as square as possible if None.
            save_path: where to write the picture.
            colormap: for images of one value per pixel.

        Raises:
            ArgumentError: if there is no tensor, not one title each, or the layout is too small.
        """
        count = len(tensors)
        if not count or (titles is not None and len(titles) != count):
            given = "no titles" if titles is None else f"{len(titles)} titles"
            raise ArgumentError(
                f"plot_multiple_tensors: tensors and one title each are required, got {count} and {given}"
            )
        columns = math.ceil(math.sqrt(count))
        rows, columns = layout or (math.ceil(count / columns), columns)
        if rows < 1 or columns < 1 or rows * columns < count:
            raise ArgumentError(
                f"plot_multiple_tensors: layout {(rows, columns)} has no room for {count} tensors"
            )
        with canvas.drawing(self.style):
            from matplotlib.ticker import MaxNLocator

            figure = canvas.new_figure(self.figure_size, self.dpi)
            for place, tensor in enumerate(tensors):
                axes = figure.add_subplot(rows, columns, place + 1)
                title = None if titles is None else titles[place]
                values = as_array("plot_multiple_tensors", tensor)
                if values.ndim == 1:
                    axes.plot(values)
                    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
                    axes.set_title(title or "")
                else:
                    images.draw_image(axes, "plot_multiple_tensors", values, title, colormap)
            return canvas.finish(figure, save_path)

    def plot_confusion_matrix(
        self,
        matrix: Any,
        labels: Sequence[Any] | None = None,
        title: str | None = "Confusion matrix",
        save_path: Path | None = None,
        *,
        normalize: bool = False,
        colormap: str = "Blues",
    ) -> Any:
        """Draw a confusion matrix: rows are true classes, columns predicted ones.

        Args:
            matrix: counts, (C, C).
            labels: one per class; their numbers if None.
            title: written above.
            save_path: where to write the picture.
            normalize: write shares of the row in place of counts.
            colormap: one of matplotlib's.

        Raises:
            ShapeError: if the matrix is not square or there is not one label per class.
        """
        counts, names = confusion.matrix_of(matrix, labels)
        width, height = self.figure_size
        side = max(height, min(width, 0.5 * len(names) + 2))
        with canvas.drawing(self.style):
            figure = canvas.new_figure((side * 1.15, side), self.dpi)
            axes = figure.add_subplot()
            confusion.draw_confusion(axes, counts, names, normalize=normalize, colormap=colormap)
            if title:
                axes.set_title(title)
            return canvas.finish(figure, save_path)

    def _single(self, title: str | None, xlabel: str | None, ylabel: str | None) -> tuple[Any, Any]:
        figure = canvas.new_figure(self.figure_size, self.dpi)
        axes = figure.add_subplot()
        axes.set(title=title or "", xlabel=xlabel or "", ylabel=ylabel or "")
        return figure, axes


_panels_of, _draw_panel = history.panels_of, history.draw_panel  # `history` is a parameter above
