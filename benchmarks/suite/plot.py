"""The plot of docs/performance.md: a line per work, a mark per library."""

from __future__ import annotations

from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from facts import LIBRARIES
from works import WORKS

_MARKS = {
    "torch.compile": ("s", "#7b6fb0"),
    "jax": ("^", "#3b7dbd"),
    "onednn": ("D", "#c98a1b"),
    "numpy": ("o", "#8a8a8a"),
}
_MET, _MISSED, _NO_TARGET = "#2a7f62", "#c0563b", "#9cb8ad"


def _colour(facts: dict[str, Any]) -> str:
    for check in facts["checks"]:
        if check["what"] == "ratio":
            return _MET if check["met"] else _MISSED
    return _NO_TARGET


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the ratios: PyTorch's as bars beside their targets, the others' as marks."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import NullFormatter

    works = [facts for facts in result["works"] if facts["ratios"]]
    # an empty line wherever a section ends
    ends = accumulate((a["section"] != b["section"] for a, b in pairwise(works)), initial=0)
    places = {facts["work"]: i + gaps for i, (facts, gaps) in enumerate(zip(works, ends, strict=False))}
    height = 0.2 * (max(places.values(), default=0) + 1) + 1.6
    figure, axes = plt.subplots(figsize=(9, height), layout="constrained")
    for facts in works:
        y, ratios = places[facts["work"]], facts["ratios"]
        if "torch" in ratios:
            median, low, high = ratios["torch"]
            axes.barh(y, median - 1, left=1, color=_colour(facts), height=0.7, zorder=1)
            axes.plot([low, high], [y, y], color="black", linewidth=0.8, zorder=2)
        for library, (marker, colour) in _MARKS.items():
            if library in ratios:
                axes.plot(ratios[library][0], y, marker, color=colour, markersize=4, zorder=3)
        if target := WORKS[facts["work"]].target:
            axes.plot([target, target], [y - 0.45, y + 0.45], color="black", linewidth=1.8, zorder=4)
    axes.set_yticks(list(places.values()), list(places), fontsize=8)
    axes.set_ylim(max(places.values(), default=0) + 0.8, -0.8)
    axes.set_xscale("log")
    ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown], fontsize=8)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel("the other library's time / RusTorch's time: right of 1 RusTorch is quicker", fontsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles: list[Any] = [
        Patch(color=colour, label=label)
        for colour, label in (
            (_MET, "PyTorch, target met"),
            (_MISSED, "PyTorch, target missed"),
            (_NO_TARGET, "PyTorch, no target"),
        )
    ]
    handles.append(Line2D([], [], color="black", marker="|", linestyle="", markersize=9, label="target"))
    handles += [
        Line2D([], [], marker=marker, color=colour, linestyle="", markersize=5, label=LIBRARIES[library])
        for library, (marker, colour) in _MARKS.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
