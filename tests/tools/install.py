"""Install the distributions of this repository into the running Python, with plain pip.

Builds start from nothing: setuptools would otherwise pack files of an earlier build that the sources no
longer have, and would not notice that only a compiler flag changed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ("rustorch_core", "backends/reference", "backends/cpu", ".")


def main() -> int:
    """Remove old builds, then run `pip install ./rustorch_core ./backends/reference ./backends/cpu .`."""
    for name in DISTRIBUTIONS:
        shutil.rmtree(ROOT / name / "build", ignore_errors=True)
    paths = [str(ROOT / name) for name in DISTRIBUTIONS]
    return subprocess.call([sys.executable, "-m", "pip", "install", *sys.argv[1:], *paths], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
