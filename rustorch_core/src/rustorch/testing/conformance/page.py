"""The report as one HTML page that needs no other file."""

from __future__ import annotations

from html import escape
from pathlib import Path

from rustorch.testing.conformance.outcomes import MEANINGS, Outcome
from rustorch.testing.conformance.report import Cell, Report

_COLOURS = {"A": "#1a7f37", "B": "#6aa84f", "C": "#d4a72c", "D": "#e36209", "F": "#cf222e", "-": "#8c959f"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #1f2328 }
table { border-collapse: collapse } th, td { padding: .15em .6em; text-align: left; font-weight: normal }
thead th { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #8c959f }
td.g { text-align: center; color: #fff; border: 1px solid #fff; min-width: 2em; cursor: help } td.d { opacity: .75 }
code { background: #f0f1f3; padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere } .big { font-size: 2em }
"""


def page(report: Report) -> str:
    """Return the page."""
    facts = "".join(
        f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in report.facts.items()
    )
    legend = "".join(
        f'<tr><td class="g" style="background:{_COLOURS[grade]}">{grade}</td><td>{escape(meaning)}</td></tr>'
        for grade, meaning in MEANINGS.items()
    )
    title = f"RusTorch conformance of {escape(report.subject)}"
    verdict = "conforms" if report.ok else "does not conform"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<p><span class="big">{report.grade}</span> {verdict}: {len(report.outcomes)} cases, {report.tier} tier,
{report.seconds:.0f} s</p>
<table>{facts}</table>
<h2>Grades</h2><table>{legend}</table>
<p>Paler: the op is decomposed. A star: announced by the plugin. Point at a grade for its worst case.</p>
{_table(report)}
{_failures(report)}
</body></html>
"""


def write_page(report: Report, path: str | Path) -> None:
    """Write the page to a file."""
    Path(path).write_text(page(report), "utf-8")


def _table(report: Report) -> str:
    dtypes = sorted({dtype for _, dtype in report.cells})
    ops = list(dict.fromkeys(op for op, _ in report.cells))
    head = "".join(f"<th>{escape(d)}</th>" for d in dtypes)
    rows = []
    for op in ops:
        cells = "".join(_cell(report, report.cells.get((op, d))) for d in dtypes)
        rows.append(f"<tr><th>{escape(op)}</th>{cells}</tr>")
    return f"<table><thead><tr><th>op</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(report: Report, cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    worst = cell.worst
    told = [f"{cell.cases} cases", *cell.expected]
    if worst.grade != "A":
        told += [f"worst: {worst.id}", worst.message, report.reproduction(worst)]
    elif worst.ulp:
        told.append(f"worst: {worst.id}, {worst.ulp:.3g} ULP")
    decomposed = " d" if cell.source == "decomposed" else ""
    star = "*" if cell.expected else ""
    return (
        f'<td class="g{decomposed}" style="background:{_COLOURS[cell.grade]}" '
        f'title="{escape(chr(10).join(told))}">{cell.grade}{star}</td>'
    )


def _failures(report: Report) -> str:
    found = [_item(report, o, f"{o.grade} {o.id}: {o.message}") for o in report.failures[:500]]
    found += [
        f"<li>{escape(f.op)} {escape(d)} was announced as {f.kind} ({escape(f.reason)}), but it passes</li>"
        for f, d in report.passing
    ]
    return f"<h2>Failures</h2><ul>{''.join(found)}</ul>" if found else ""


def _item(report: Report, outcome: Outcome, text: str) -> str:
    return f"<li>{escape(text)}<br><code>{escape(report.reproduction(outcome))}</code></li>"
