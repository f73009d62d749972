"""Write grades.md: what the conformance suite says of every backend that is installed.

    python docs/generate_grades.py [--quick] [NAME ...]
    python docs/generate_grades.py --reports FILE ...

The second form takes what `rustorch grade NAME --json FILE` wrote.  `tox run -e grades` installs all backends
of this repository and does the first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rustorch.dispatch.opening import plugins, probe
from rustorch.plugins import Ready

TARGET = Path(__file__).with_name("grades.md")

HEADER = """\
# Grades

<!-- Written by docs/generate_grades.py.  Do not edit. -->

What the conformance suite ([conformance.md](conformance.md)) says of the backends of this repository.
A backend's grade is the worst of its ops and dtypes, but for *announced* failures, which its plugin states
itself.  Made by `tox run -e grades`.
"""


def graded(name: str, *, quick: bool) -> dict[str, Any] | None:
    """Run the suite on a backend, showing what it prints; return its report, None without one."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "grade.json")
        command = [sys.executable, "-m", "rustorch", "grade", name, "--json", str(report)]
        subprocess.run([*command, *(["--quick"] if quick else [])], check=False)
        return json.loads(report.read_text("utf-8")) if report.exists() else None


def row(report: dict[str, Any]) -> str:
    """Return a backend's line."""
    counts = ", ".join(f"{count} {grade}" for grade, count in sorted(report["counts"].items()))
    return (
        f"| `{report['subject']}` | {report['device']} | **{report['grade']}** | {counts} | {report['cases']:,} | "
        f"{report['expected_failures']} | {report['failures']} | {report['tier']} | {report['when'][:10]} |"
    )


def below_the_best(report: dict[str, Any]) -> list[str]:
    """Return a line per op and dtype that has no A."""
    lines = []
    for cell in report["cells"]:
        if cell["grade"] in ("A", "-"):
            continue
        worst = cell["worst"] or {}
        announced = "; ".join(e["reason"] if isinstance(e, dict) else str(e) for e in cell["expected"])
        said = announced or str(worst.get("message", "")).replace("|", "\\|")
        lines.append(
            f"| `{report['subject']}` | `{cell['op']}` | {cell['dtype']} | {cell['grade']} | {said} |"
        )
    return lines


def main() -> None:
    """Grade all backends that are ready, or those that are named, or take reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reports", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.reports:
        found = [json.loads(path.read_text("utf-8")) for path in options.reports]
    else:
        ready = [b.name for b in plugins().backends().values() if isinstance(probe(b), Ready)]
        reports = [graded(name, quick=options.quick) for name in options.names or sorted(ready)]
        found = [report for report in reports if report is not None]
    lines = [
        HEADER,
        "| backend | device | grade | ops and dtypes | cases | announced | failures | tier | date |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(row, found),
    ]
    worse = [line for report in found for line in below_the_best(report)]
    if worse:
        lines += ["", "## Below A", "", "| backend | op | dtype | grade | |", "|---|---|---|---|---|", *worse]
    TARGET.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
