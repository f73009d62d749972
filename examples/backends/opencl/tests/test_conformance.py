"""The quick tier of RusTorch's conformance suite; `rustorch grade opencl` runs the whole of it."""

from __future__ import annotations

import subprocess
import sys


def test_quick_tier(device, tmp_path):
    suite = [sys.executable, "-m", "rustorch", "grade", str(device), "--quick", "--patience", "120"]
    done = subprocess.run(suite, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
