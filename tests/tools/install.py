"""Install the distributions of this repository into the running Python, with plain pip.

What an earlier build gathered is removed first: setuptools would pack files that the sources no longer have.
Object files stay; the C build knows itself which of them are current.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ("rustorch_core", "backends/reference", "backends/cpu", "backends/loopback", ".")


def main() -> int:
    """Remove what old builds gathered, then `pip install` all of them in one command, as the README does."""
    for name in DISTRIBUTIONS:
        for gathered in (ROOT / name).glob("build/lib*"):
            shutil.rmtree(gathered)
    paths = [str(ROOT / name) for name in DISTRIBUTIONS]
    return subprocess.call([sys.executable, "-m", "pip", "install", *sys.argv[1:], *paths], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
