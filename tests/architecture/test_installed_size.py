"""Core and cpu backend stay small: under 10 MB on disk, their dependencies not counted."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "installed_size.py"
LIMIT = 10_000_000


def test_core_and_cpu_take_less_than_ten_megabytes():
    script = runpy.run_path(str(SCRIPT))
    editable = [name for name in script["DISTRIBUTIONS"] if script["is_editable"](name)]
    if editable:
        pytest.skip(f"installed in editable mode, so there are no files to measure: {', '.join(editable)}")
    sizes = {name: script["installed_size"](name) for name in script["DISTRIBUTIONS"]}
    assert all(sizes.values())
    assert sum(sizes.values()) < LIMIT, sizes
