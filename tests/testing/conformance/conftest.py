"""The wrong kernels and communicators are modules beside the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config):
    """The suite's marker, for an environment that installed the core before it had the suite."""
    config.addinivalue_line(
        "markers", "conformance(op, dtype, mode, boot): what a test of the suite counts for"
    )
