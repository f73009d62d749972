"""The quick tier of RusTorch's conformance suite; `rustorch grade torch:cpu` runs the whole of it."""

from __future__ import annotations

import subprocess
import sys


def test_quick_tier(tmp_path):
    suite = [sys.executable, "-m", "pytest", "-q", "--pyargs", "rustorch.testing.conformance"]
    subprocess.run([*suite, "--rustorch-backend=torch:cpu", "--rustorch-quick"], cwd=tmp_path, check=True)
