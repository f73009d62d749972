"""Time RusTorch, PyTorch (eager and compiled), JAX, oneDNN and NumPy on the same work, and say how they compare.

python benchmarks/run.py                          everything, in rounds (about 20 minutes on two cores)
python benchmarks/run.py --only gemm --rounds 5   the works whose name holds "gemm"
python benchmarks/run.py --threads 1              on one core
python benchmarks/run.py --page docs/performance.md --plot docs/performance.png --json out.json   (tox run -e bench)
python benchmarks/run.py --from out.json --page docs/performance.md   the page again, with the notes of today

Where a target is missed, the page quotes what benchmarks/notes.md says of that work.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "suite"))

import machine
import report
from contest import Contest
from facts import LIBRARIES, disturbance, facts_of
from works import GPT, WORKS

NOTES = Path(__file__).with_name("notes.md")


def libraries_for(name: str, wanted: list[str]) -> list[str]:
    """Return which of the libraries have a definition of a work, and "limit" if its limit is known."""
    work = WORKS[name]
    missing = {"jax": not work.jax, "numpy": work.numpy is None, "onednn": not work.onednn}
    found = [library for library in wanted if not missing.get(library)]
    return [*found, "limit"] if work.limit else found


def versions() -> str:
    """Return the versions of what is compared."""
    found = []
    for name in ("rustorch-core", "torch", "jax", "numpy"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join([*found, f"Python {sys.version.split()[0]}"])


def limits_of(threads: int) -> dict[str, Any]:
    """Return the machine's limits, or why they are not known."""
    try:
        limits = machine.Limits(threads)
    except machine.NotMeasuredError as error:
        return {"failure": str(error)}
    return {
        "flops": {dtype: limits.peak(dtype) for dtype in ("float32", "float64", "bfloat16")},
        "copies": {size: limits.copy(nbytes) for size, nbytes in machine.COPIES.items()},
    }


def measure(names: list[str], wanted: list[str], rounds: int, threads: int) -> dict[str, Any]:
    """Run the contest, print each result as it comes, and return them all."""
    limits = limits_of(threads)
    print(f"{machine.description()}, {threads} threads: {limits}")
    print(report.terminal_head(), flush=True)
    contest, works, busy = Contest(threads), [], {}
    try:
        for name in names:
            libraries = libraries_for(name, wanted)
            if "failure" in limits and "limit" in libraries:
                libraries.remove("limit")
            works.append(facts_of(name, contest.rounds(name, libraries, rounds)))
            print(report.terminal_row(works[-1]), flush=True)
        if GPT in names and threads > 1:
            compared = [library for library in libraries_for(GPT, wanted) if library != "limit"]
            busy = contest.beside_a_busy_core(GPT, compared, max(1, rounds // 2))
            ratios = (f"{LIBRARIES[lib]} {statistics.median(found):.2f}" for lib, found in busy.items())
            print("beside a busy core:", ", ".join(ratios))
    finally:
        contest.close()
    disturbed, turns = disturbance(works)
    print(f"{disturbed} of {turns} turns stayed disturbed by other programs")
    return {
        "machine": machine.description(),
        "threads": threads,
        "limits": limits,
        "versions": versions(),
        "rounds": rounds,
        "works": works,
        "busy": busy,
        "busy_work": GPT,
    }


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="works whose name holds it"
    )
    parser.add_argument("--libraries", default=",".join(LIBRARIES), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--from", dest="source", type=Path, metavar="JSON", help="report an earlier run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--page", type=Path)
    asked = parser.parse_args()
    asked.libraries = asked.libraries.split(",")
    if set(asked.libraries) - set(LIBRARIES) or "rustorch" not in asked.libraries:
        parser.error(f"--libraries: rustorch and any of {', '.join(list(LIBRARIES)[1:])}")
    asked.names = [n for n in WORKS if not asked.only or any(text in n for text in asked.only)]
    if not asked.names:
        parser.error(f"--only: no work's name holds {' or '.join(asked.only)}; there are {', '.join(WORKS)}")
    return asked


def main() -> None:
    """Measure, or read what an earlier run measured, and write what was asked for."""
    asked = options()
    if asked.source:
        result = json.loads(asked.source.read_text("utf-8"))
    else:
        result = measure(asked.names, asked.libraries, asked.rounds, asked.threads)
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1), "utf-8")
    if asked.plot:
        import plot

        plot.draw(result, asked.plot)
    if asked.page:
        notes = report.notes_in(NOTES.read_text("utf-8"))
        plot_address = report.address(asked.plot, asked.page) if asked.plot else ""
        asked.page.write_text(report.page_of(result, notes, plot_address), "utf-8")
    for work, checks in report.missed(result).items():
        for c in checks:
            print(f"missed: {work}: {c['what']} {report.value_of(c)}, target {report.target_of(c)}")


if __name__ == "__main__":
    main()
