"""The quick tier of RusTorch's conformance suite; `rustorch grade torch:cpu` runs the whole of it."""

from __future__ import annotations

import subprocess
import sys


def test_quick_tier(tmp_path):
    suite = [sys.executable, "-m", "rustorch", "grade", "torch:cpu", "--quick", "--patience", "120"]
    done = subprocess.run(suite, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
