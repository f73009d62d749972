"""What came out, to read: lines for the terminal, and the page docs/performance.md."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contest import TOLERATED
from facts import LIBRARIES, SECTION_OF, busy_check, disturbance
from works import SECTIONS

Facts = dict[str, Any]

# ---------------------------------------------------------------------------------------------- cells


def duration(seconds: float) -> str:
    """Return seconds with three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds:.0f} s"
    return f"{seconds / 1e-9:.3g} ns"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _time(library: str) -> Callable[[Facts], str]:
    def cell(facts: Facts) -> str:
        score = facts["scores"].get(library)
        if score is None:
            return ""
        return "failed" if score["failure"] else duration(score["median"])

    return cell


def _ratio(library: str) -> Callable[[Facts], str]:
    def cell(facts: Facts) -> str:
        if library not in facts["ratios"]:
            return "failed" if facts["scores"].get(library, {}).get("failure") else ""
        median, low, high = map(_number, facts["ratios"][library])
        return f"{median} ({low}–{high})"

    return cell


def value_of(check: Facts) -> str:
    """Return a check's value, as a share where it is one."""
    value: float = check["value"]
    return f"{value:.0%}" if check["what"] == "of limit" else _number(value)


def target_of(check: Facts) -> str:
    """Return a check's target."""
    target = f"{check['target']:.0%}" if check["what"] == "of limit" else f"{check['target']:g}"
    return f"{'≤' if check['at_most'] else '≥'} {target}"


def _check(what: str) -> Callable[[Facts], str]:
    def cell(facts: Facts) -> str:
        for check in facts["checks"]:
            if check["what"] == what:
                mark = "✓" if check["met"] else "✗"
                return f"{target_of(check)} {mark}" if what == "ratio" else f"{value_of(check)} {mark}"
        share = facts["of_limit"] if what == "of limit" else None
        return f"{share:.0%}" if share else ""

    return cell


def _others(facts: Facts) -> str:
    worst = max(facts["others"], default=0.0)
    return f"{worst:.2f}" + (" disturbed" if worst > TOLERATED else "")


#: The columns of the results: heading, cell, and width in the terminal.
COLUMNS: list[tuple[str, Callable[[Facts], str], int]] = [
    ("work", lambda facts: facts["work"], 40),
    ("RusTorch", _time("rustorch"), 8),
    ("PyTorch", _ratio("torch"), 18),
    ("target", _check("ratio"), 7),
    *((LIBRARIES[library], _ratio(library), 18) for library in list(LIBRARIES)[2:]),
    ("of the best", _check("of the best"), 11),
    ("of limit", _check("of limit"), 8),
    ("memory", _check("memory"), 7),
    ("first step", _check("first step"), 10),
    ("others", _others, 6),
]


def terminal_head() -> str:
    """Return the headings for the terminal."""
    return "  ".join(f"{heading:<{width}}" for heading, _, width in COLUMNS)


def terminal_row(facts: Facts) -> str:
    """Return a work's line for the terminal."""
    return "  ".join(f"{cell(facts):<{width}}" for _, cell, width in COLUMNS).rstrip()


def _table(headings: list[str], lines: list[list[str]]) -> list[str]:
    """Return a Markdown table, without the columns that are empty."""
    kept = [i for i in range(len(headings)) if any(line[i] for line in lines)]
    rows = [headings, ["---"] * len(headings), *lines]
    return ["| " + " | ".join(row[i] or "–" for i in kept) + " |" for row in rows]


# ----------------------------------------------------------------------------------------------- page


def notes_in(text: str) -> dict[str, str]:
    """Return the notes of benchmarks/notes.md: what stands below a heading of names, with ``|`` between them."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {
        name.strip(): note.strip()
        for names, note in zip(parts[1::2], parts[2::2], strict=True)
        for name in names.split("|")
    }


def unknown_notes(notes: dict[str, str]) -> list[str]:
    """Return the headings that name no work."""
    return sorted(set(notes) - set(SECTION_OF))


def missed(result: Facts) -> dict[str, list[Facts]]:
    """Return the checks that failed, by work."""
    found = {facts["work"]: list(facts["checks"]) for facts in result["works"]}
    if result["busy"]:
        found.setdefault(result["busy_work"], []).extend(busy_check(result["busy"]))
    failed = {work: [c for c in checks if not c["met"]] for work, checks in found.items()}
    return {work: checks for work, checks in failed.items() if checks}


def page_of(result: Facts, notes: dict[str, str], plot: str = "") -> str:
    """Return docs/performance.md.

    Args:
        result: what run.py found.
        notes: by work, what is said where it misses a target.
        plot: the address of the plot, seen from the page.
    """
    lines = [*_introduction(result), *_machine(result)]
    if plot:
        lines += [f"![PyTorch's time over RusTorch's, and that of the others, work by work]({plot})", ""]
    lines += _sections(result) + _busy(result) + _missed(result, notes) + _times(result) + _failures(result)
    return "\n".join(lines)


def _introduction(result: Facts) -> list[str]:
    total = [c for facts in result["works"] for c in facts["checks"]] + busy_check(result["busy"])
    disturbed, turns = disturbance(result["works"])
    met = sum(c["met"] for c in total)
    return [
        "# Performance of the CPU backend",
        "",
        "Each library runs in processes of its own, bound to the same processors; they take turns on the same",
        "work, in another order each round.  A turn is repeated if other programs took more than",
        f"{TOLERATED} processors of it.  **The columns of other libraries hold ratios: their time over RusTorch's**,",
        "the median over rounds and in parentheses the least and the greatest: above 1 RusTorch is quicker.",
        "",
        "- *target*: for PyTorch's (eager) ratio; *of the best*: the quicker of JAX and oneDNN over RusTorch.",
        "  oneDNN's product of matrices is called through PyTorch (`torch.ops.mkldnn`) on operands as they lie.",
        "- *of limit*: the least time that the machine allows for the work over RusTorch's.  Plain C in the same",
        "  rounds shows what that is: multiply-adds in registers, or loops that read and write as many arrays of",
        "  that size, with plain or with streaming stores, whichever is quicker.  For networks only products",
        "  and convolutions are counted.",
        "- *memory*: the peak of the whole process over PyTorch's; *first step*: PyTorch's seconds from the start",
        "  of the process to the end of the first training step, imports included, over RusTorch's.",
        "- *others*: the processors that other programs took in the worst turn.",
        "",
        f"{met} of {len(total)} targets are met; [below](#missed-targets) is what is known of the others."
        if met < len(total)
        else f"All {met} targets are met.",
        f"{disturbed} of {turns} turns stayed disturbed after all repetitions.",
        "",
        f"{result['machine']}, {result['threads']} threads; {result['versions']}; {result['rounds']} rounds.",
        "Made by `tox run -e bench`.",
        "",
    ]


def _machine(result: Facts) -> list[str]:
    limits = result["limits"]
    if "failure" in limits:
        return [f"The machine's limits were not measured: {limits['failure']}.", ""]
    peaks = ", ".join(f"{flops / 1e9:.0f} GFLOP/s in {dtype}" for dtype, flops in limits["flops"].items())
    lines = [[size, f"{speed / 1e9:.1f}"] for size, speed in limits["copies"].items()]
    return [f"At most {peaks}; copying an array:", "", *_table(["of", "GB/s read and written"], lines), ""]


def _sections(result: Facts) -> list[str]:
    lines = []
    for section in SECTIONS:
        works = [facts for facts in result["works"] if facts["section"] == section]
        if works:
            cells = [[cell(facts) for _, cell, _ in COLUMNS] for facts in works]
            lines += [f"## {section}", "", *_table([heading for heading, _, _ in COLUMNS], cells), ""]
    return lines


def _busy(result: Facts) -> list[str]:
    if not result["busy"]:
        return []
    [check] = busy_check(result["busy"])
    cells = []
    for library, ratios in result["busy"].items():
        mark = f"{target_of(check)} {'✓' if check['met'] else '✗'}" if library == "rustorch" else ""
        low, high = _number(min(ratios)), _number(max(ratios))
        cells.append([LIBRARIES[library], f"{_number(statistics.median(ratios))} ({low}–{high})", mark])
    return [
        "## Beside a busy core",
        "",
        f"The time of *{result['busy_work']}* while another process keeps one of the cores busy, over the",
        "library's own quiet time:",
        "",
        *_table(["library", "ratio", "target"], cells),
        "",
    ]


def _missed(result: Facts, notes: dict[str, str]) -> list[str]:
    together: dict[str, list[str]] = {}  # note -> the works that it is about
    for work, checks in missed(result).items():
        figures = "; ".join(f"{c['what']} {value_of(c)}, target {target_of(c)}" for c in checks)
        together.setdefault(notes.get(work, "Not explained yet."), []).append(f"- **{work}**: {figures}")
    lines = [line for note, works in together.items() for line in [*works, "", note, ""]]
    return ["## Missed targets", "", *lines] if lines else []


def _times(result: Facts) -> list[str]:
    libraries = [library for library in LIBRARIES if any(library in f["scores"] for f in result["works"])]
    cells = [[facts["work"], *(_time(lib)(facts) for lib in libraries)] for facts in result["works"]]
    headings = ["work", *(LIBRARIES[library] for library in libraries)]
    lines = ["## Times", "", "Medians over rounds.", "", *_table(headings, cells), ""]
    trained = [facts for facts in result["works"] if any(c["what"] == "memory" for c in facts["checks"])]
    if trained:
        cells = [[facts["work"], *(_process(facts, library) for library in libraries)] for facts in trained]
        lines += ["Peak memory of the process, and time to the end of the first step:", ""]
        lines += [*_table(headings, cells), ""]
    return lines


def _process(facts: Facts, library: str) -> str:
    score = facts["scores"].get(library)
    if not score or score["failure"]:
        return ""
    return f"{score['peak'] / 2**20:.0f} MB, {duration(score['first'])}"


def _failures(result: Facts) -> list[str]:
    failed = [
        f"- {facts['work']}, {LIBRARIES.get(library, library)}: {score['failure']}"
        for facts in result["works"]
        for library, score in facts["scores"].items()
        if score["failure"]
    ]
    return ["## Did not run", "", *failed, ""] if failed else []


def address(target: Path, page: Path) -> str:
    """Return how a file is called seen from the page."""
    return Path(os.path.relpath(target.resolve(), page.resolve().parent)).as_posix()
