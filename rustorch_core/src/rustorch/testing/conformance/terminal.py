"""The report as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rustorch.testing.conformance.outcomes import MEANINGS
from rustorch.testing.conformance.report import Report

_SHORT = {
    "bool": "bool", "uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "float16": "f16",
    "bfloat16": "bf16", "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "": "",
}  # fmt: skip


def lines(report: Report, *, most: int = 20) -> list[str]:
    """Return the report: a table of grades, what failed with the commands that repeat it, a verdict.

    Args:
        report: the report.
        most: at most so many failures are listed.
    """
    found = [f"RusTorch conformance of {report.subject} ({report.tier} tier)", ""]
    found += [*table(report), "", *_legend(report)]
    if report.failures:
        found += [
            "",
            f"{len(report.failures)} unexpected failures:"
            if len(report.failures) > 1
            else "1 unexpected failure:",
        ]
        for outcome in report.failures[:most]:
            found += [
                f"  {outcome.grade}  {outcome.id}: {outcome.message}",
                f"     {report.reproduction(outcome)}",
            ]
        if len(report.failures) > most:
            found.append(f"  and {len(report.failures) - most} more; --json or --html has them")
    for failure, dtype in report.passing:
        found += [
            "",
            f"{failure.op} {dtype}: announced as {failure.kind} ({failure.reason}), but it passes:",
            "  take it out of the plugin's rustorch_expected_failures",
        ]
    return [*found, "", _verdict(report)]


def table(report: Report) -> list[str]:
    """Return one line per op with a grade per dtype."""
    cells = report.cells
    dtypes = [d for d in _SHORT if any(dtype == d for _, dtype in cells)]
    ops = list(dict.fromkeys(op for op, _ in cells))
    width = max((len(op) for op in ops), default=2)
    rows = ["op".ljust(width) + "".join(_SHORT[d].rjust(6) for d in dtypes)]
    for op in ops:
        marks = []
        for dtype in dtypes:
            cell = cells.get((op, dtype))
            mark = "" if cell is None else cell.grade.lower() if cell.source == "decomposed" else cell.grade
            marks.append((mark + ("*" if cell is not None and cell.expected else "")).rjust(6))
        rows.append((op.ljust(width) + "".join(marks)).rstrip())
    return rows


def times(report: Report) -> list[str]:
    """Return one line per call with its time beside the other backend's, the slowest ratio last."""
    found = sorted(report.outcomes, key=lambda o: o.budgets)
    width = max((len(o.id) for o in found), default=0)
    slow = [o for o in found if not o.passed]
    return [
        *(f"{o.grade}  {o.id.ljust(width)}  {o.message}" for o in found),
        "",
        f"{len(found)} calls timed, {len(slow)} slow" + ("" if report.ok else ", not all of them announced"),
    ]


_SIGNS = {"native": "x", "decomposed": "d", "missing": "-"}


def support_lines(device: str, found: dict[str, dict[str, str]]) -> list[str]:
    """Return one line per op with who runs it in each dtype."""
    dtypes = [d for d in _SHORT if any(d in row for row in found.values())]
    width = max(map(len, found), default=2)
    rows = [f"ops of {device}", "", "op".ljust(width) + "".join(_SHORT[d].rjust(6) for d in dtypes)]
    for op, row in found.items():
        rows.append(
            (op.ljust(width) + "".join(_SIGNS.get(row.get(d, ""), "").rjust(6) for d in dtypes)).rstrip()
        )
    counts = Counter(source for row in found.values() for source in row.values())
    totals = ", ".join(f"{counts[source]} {source}" for source in _SIGNS)
    return [*rows, "", "x native, d decomposed, - missing", totals]


def _legend(report: Report) -> Iterable[str]:
    for grade, meaning in MEANINGS.items():
        if grade in report.counts:
            yield f"{grade}  {meaning}"
    if any(cell.source == "decomposed" for cell in report.cells.values()):
        yield "a  small letters: the op is decomposed, no kernel of its own"
    if any(cell.expected for cell in report.cells.values()):
        yield "*  announced by the plugin"


def _verdict(report: Report) -> str:
    counts = ", ".join(f"{count} {grade}" for grade, count in report.counts.items())
    verdict = "conforms" if report.ok else "does not conform"
    return (
        f"grade {report.grade}: {verdict}; {counts}; {len(report.outcomes)} cases in {report.seconds:.0f} s"
    )
