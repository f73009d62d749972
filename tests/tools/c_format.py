"""Format the C sources with clang-format; with `--check`, only say what would change.

Tables (`*.def`) keep their hand-made columns.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".c", ".h", ".inc"}
GENERATED = {"build", ".tox", ".venv"}


def main() -> int:
    """Run clang-format over the sources; its exit status is ours."""
    folders = ("rustorch_core", "backends", "benchmarks")
    below = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files = sorted(path for path in below if path.suffix in SUFFIXES and GENERATED.isdisjoint(path.parts))
    if not files:
        return 0
    mode = ["--dry-run", "--Werror"] if "--check" in sys.argv[1:] else ["-i"]
    return subprocess.call(["clang-format", "--style=file", *mode, *files], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
