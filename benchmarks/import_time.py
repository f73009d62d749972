"""Print what `import rustorch` costs: the time of the whole import and of its most expensive modules.

Usage: python benchmarks/import_time.py [RUNS]        (default 10; the fastest run counts)
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple

LINE = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \|( *)(\S+)")
SHOWN = 12


class Cost(NamedTuple):
    """One line of `-X importtime`: microseconds in the module itself, and with what it imports."""

    own: int
    cumulative: int
    module: str


def measure() -> list[Cost]:
    """Import rustorch once in a fresh interpreter."""
    command = [sys.executable, "-X", "importtime", "-c", "import rustorch"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Cost(int(own), int(total), name) for own, total, _, name in LINE.findall(run.stderr)]


def cumulative(costs: list[Cost], module: str) -> int:
    """Microseconds that importing a module took, with all that it pulled in; 0 if it was not imported."""
    return max((cost.cumulative for cost in costs if cost.module == module), default=0)


def main() -> None:
    """Print the fastest of several imports."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    best = min((measure() for _ in range(runs)), key=lambda costs: cumulative(costs, "rustorch"))
    total = cumulative(best, "rustorch")
    numpy = cumulative(best, "numpy")
    print(f"import rustorch: {total / 1e3:.1f} ms, of which numpy {numpy / 1e3:.1f} ms (fastest of {runs})")
    print("\nmost expensive modules, by their own time:")
    for cost in sorted(best, reverse=True)[:SHOWN]:
        print(f"{cost.own / 1e3:8.1f} ms  {cost.module}")


if __name__ == "__main__":
    main()
