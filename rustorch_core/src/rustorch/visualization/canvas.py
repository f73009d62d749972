"""Figures without a display and without pyplot's global state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from rustorch.errors import ArgumentError, MissingPackageError, SerializationError

#: A picture on paper: light grid behind the data, no frame above and to the right.
_HOUSE_STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 13,
    "axes.labelsize": 11,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.framealpha": 0.9,
    "lines.linewidth": 2.0,
    "figure.facecolor": "white",
}
#: Fonts with Chinese, Japanese and Korean characters, as the usual systems have them.
_OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo",
    "Yu Gothic", "Hiragino Sans", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei", "Arial Unicode MS",
)  # fmt: skip


def matplotlib() -> Any:
    """Return the module ``matplotlib``.

    Raises:
        MissingPackageError: if it is not installed; says how to install it.
    """
    try:
        import matplotlib.figure
        import matplotlib.style
    except ImportError as error:
        raise MissingPackageError(
            f"visualization: matplotlib is required, got {type(error).__name__}: {error}",
            hint="pip install rustorch[viz]",
        ) from error
    return matplotlib


def check_style(style: str) -> None:
    """Raise ArgumentError unless `style` is "default" or one of matplotlib's styles."""
    known = matplotlib().style.available
    if style != "default" and style not in known:
        raise ArgumentError(
            f"Plotter: style must be 'default' or one of {', '.join(sorted(known))}, got {style!r}"
        )


@contextmanager
def drawing(style: str = "default") -> Iterator[None]:
    """Draw in a style inside a ``with`` block; the process's settings come back after it."""
    library = matplotlib()
    with library.rc_context():
        library.style.use(style)
        if style == "default":
            library.rcParams.update(_HOUSE_STYLE)
            library.rcParams["font.family"] = _fonts()
        yield


@cache
def _fonts() -> list[str]:
    """Return matplotlib's own font, then the installed ones that have what it lacks."""
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ["DejaVu Sans", *(name for name in _OTHER_SCRIPTS if name in installed)]


def new_figure(size: tuple[float, float], dpi: int) -> Any:
    """Return an empty figure of `size` inches that draws itself into memory."""
    library = matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = library.figure.Figure(figsize=size, dpi=dpi, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # inches
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Any, save_path: str | os.PathLike[str] | None) -> Any:
    """Write the figure to a file if there is a path, and return it.

    Raises:
        ArgumentError: if the file's ending names no format that can be written.
        SerializationError: if the file cannot be written.
    """
    if save_path is None:
        return figure
    path = Path(save_path)
    known = figure.canvas.get_supported_filetypes()
    ending = path.suffix.removeprefix(".").lower() or "png"
    if ending not in known:
        raise ArgumentError(
            f"save_path: the ending must be one of {', '.join(sorted(known))}, got {path.name!r}"
        )
    try:
        figure.savefig(path, format=ending)
    except OSError as error:
        raise SerializationError(f"save_path: {path} cannot be written: {error.strerror or error}") from error
    return figure
