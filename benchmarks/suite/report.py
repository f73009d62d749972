"""What came out: a table for the terminal, JSON, a plot, and the page docs/performance.md."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from contest import Score
from works import WORKS

LIBRARIES = ("rustorch", "torch", "torch.compile", "jax", "numpy")


def facts_of(name: str, scores: dict[str, Score], limits: Any) -> dict[str, Any]:
    """Return what one work's scores say, as plain data."""
    work = WORKS[name]
    ours, theirs = scores["rustorch"], scores.get("torch", Score())
    paired = [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=False)]
    limit = 0.0
    if ours.median:
        if work.flops and limits.flops:
            limit = work.flops / ours.median / limits.flops
        elif work.nbytes and limits.bandwidth:
            limit = work.nbytes / ours.median / limits.bandwidth
    return {
        "work": name,
        "target": work.target,
        "ratio": statistics.median(paired) if paired else None,
        "ratios": {lib: s.median / ours.median for lib, s in scores.items() if s.median and ours.median},
        "of_limit": limit or None,
        "training": work.training,
        "peak_ratio": ours.peak / theirs.peak if theirs.peak else None,
        "first_ratio": theirs.first / ours.first if ours.first and theirs.first else None,
        "others": max((o for s in scores.values() for o in s.others), default=0.0),
        "scores": {
            lib: {
                "median": s.median,
                "seconds": s.seconds,
                "peak": s.peak,
                "first": s.first,
                "failure": s.failure,
            }
            for lib, s in scores.items()
        },
    }


def row(facts: dict[str, Any]) -> str:
    """Return a work's line of the table."""
    cells = [facts["work"]]
    for lib in LIBRARIES:
        score = facts["scores"].get(lib)
        cells.append(_time(score["median"]) if score and score["median"] else "–")
    ratio, target = facts["ratio"], facts["target"]
    mark = "" if ratio is None or not target else " ✓" if ratio >= target else " ✗"
    cells += [
        "–" if ratio is None else f"{ratio:.2f}",
        f"{target:g}{mark}" if target else "–",
        f"{facts['of_limit']:.0%}" if facts["of_limit"] else "–",
    ]
    cells.append(f"{facts['peak_ratio']:.2f}" if facts["training"] and facts["peak_ratio"] else "–")
    cells.append(f"{facts['first_ratio']:.1f}" if facts["training"] and facts["first_ratio"] else "–")
    cells.append(f"{facts['others']:.2f}")
    return "| " + " | ".join(cells) + " |"


HEAD = [
    "| work | RusTorch | PyTorch | compile | JAX | NumPy | ratio | target | of limit | memory | first step | others |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
]


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def write(result: dict[str, Any], json_file: Path | None, plot: Path | None, page: Path | None) -> None:
    """Write the files that were asked for."""
    if json_file:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if plot:
        draw(result, plot)
    if page:
        page.write_text(page_of(result, plot), encoding="utf-8")


def page_of(result: dict[str, Any], plot: Path | None) -> str:
    """Return docs/performance.md."""
    busy = ", ".join(f"{lib} {ratio:.1f}" for lib, ratio in result["busy"].items()) or "not measured"
    notes = [
        "# Performance of the CPU backend",
        "",
        "Each library runs in a process of its own; they take turns on the same work, and a turn that other",
        "programs disturbed is repeated.  Times are medians over rounds.  **Ratio** is PyTorch's (eager) time over",
        "ours, the median over rounds: above 1 RusTorch is quicker.  *Of limit* is our share of the machine's",
        "arithmetic (products of matrices) or copy bandwidth (elementwise), both measured in the same run.",
        "*Memory* is our peak over PyTorch's, *first step* PyTorch's seconds from the start of the process to the",
        "end of the first step over ours, *others* the processors that other programs took in the worst turn.",
        "",
        f"{result['machine']}, {result['threads']} threads, {result['limits']['flops'] / 1e9:.0f} GFLOP/s float32,",
        f"{result['limits']['bandwidth'] / 1e9:.1f} GB/s; {result['versions']}; {result['rounds']} rounds.",
        "Made by `tox run -e bench -- --page docs/performance.md`.",
        "",
        *([f"![ratios]({plot.name})", ""] if plot else []),
        *HEAD,
        *(row(facts) for facts in result["works"]),
        "",
        f"The step of {result['busy_work']} while another process keeps one core busy,",
        f"over its own quiet time: {busy}.",
        "",
    ]
    failed = [
        f"- {facts['work']}, {lib}: {score['failure']}"
        for facts in result["works"]
        for lib, score in facts["scores"].items()
        if score["failure"]
    ]
    return "\n".join([*notes, *(["## Did not run", "", *failed, ""] if failed else [])])


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the ratios beside their targets."""
    import matplotlib.pyplot as plt

    works = [facts for facts in result["works"] if facts["ratio"]][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.26 * len(works) + 1.2), layout="constrained")
    colours = ["#2a7f62" if f["ratio"] >= (f["target"] or 1) else "#c0563b" for f in works]
    axes.barh([f["work"] for f in works], [f["ratio"] for f in works], color=colours, height=0.7)
    for i, facts in enumerate(works):
        if facts["target"]:
            axes.plot([facts["target"]] * 2, [i - 0.4, i + 0.4], color="black", linewidth=1.5)
    axes.axvline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlabel("PyTorch's time / RusTorch's time (black: target)")
    figure.savefig(path, dpi=130)
    plt.close(figure)
