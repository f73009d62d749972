"""Time RusTorch, PyTorch (eager and compiled), JAX and NumPy on the same work, and say how they compare.

python benchmarks/run.py                          everything, in rounds (about half an hour)
python benchmarks/run.py --only gemm --rounds 5   the works whose name holds "gemm"
python benchmarks/run.py --page docs/performance.md --plot docs/performance.png --json out.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "suite"))

import contest
import machine
import report
from worker import THREADS
from works import GPT, WORKS


def libraries_for(name: str, wanted: list[str]) -> list[str]:
    """Return which of the libraries have a definition of a work."""
    work = WORKS[name]
    missing = {"jax": not work.jax, "numpy": work.numpy is None}
    return [library for library in wanted if not missing.get(library, False)]


def versions() -> str:
    """Return the versions of what is compared."""
    found = []
    for name in ("rustorch-core", "torch", "jax", "numpy"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join([*found, f"Python {sys.version.split()[0]}"])


def main() -> None:
    """Run the contest, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="works whose name holds it"
    )
    parser.add_argument("--libraries", default=",".join(report.LIBRARIES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    wanted = options.libraries.split(",")
    unknown = set(wanted) - set(report.LIBRARIES)
    if unknown or "rustorch" not in wanted:
        parser.error(
            f"--libraries: rustorch and any of {', '.join(report.LIBRARIES[1:])}, got {options.libraries}"
        )
    names = [n for n in WORKS if not options.only or any(text in n for text in options.only)]
    if not names:
        parser.error(
            f"--only: no work's name holds {' or '.join(options.only)}; there are {', '.join(WORKS)}"
        )
    limits = machine.measure(THREADS)
    print(f"{machine.description()}: {limits.flops / 1e9:.0f} GFLOP/s, {limits.bandwidth / 1e9:.1f} GB/s")
    print("\n".join(report.HEAD), flush=True)
    works = []
    for name in names:
        scores = contest.contest(name, libraries_for(name, wanted), options.rounds)
        works.append(report.facts_of(name, scores, limits))
        print(report.row(works[-1]), flush=True)
    busy = {}
    if GPT in names:
        busy = contest.beside_a_busy_core(GPT, libraries_for(GPT, wanted), max(1, options.rounds // 2))
        print("beside a busy core:", ", ".join(f"{k} {v:.2f}" for k, v in busy.items()))
    result = {
        "machine": machine.description(),
        "threads": THREADS,
        "limits": {"flops": limits.flops, "bandwidth": limits.bandwidth},
        "versions": versions(),
        "rounds": options.rounds,
        "works": works,
        "busy": busy,
        "busy_work": GPT,
    }
    report.write(result, options.json, options.plot, options.page)


if __name__ == "__main__":
    main()
