"""Tests of this folder share modules; pytest's importlib mode does not look beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def guards() -> Iterator[None]:
    """Put guard bytes around every block that the cpu device hands out, and look at them at the end."""
    from guarded_memory import guarded_memory

    with guarded_memory():
        yield
