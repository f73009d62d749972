"""Printing reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any


def show(lines: Iterable[str]) -> None:
    """Print lines."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def show_json(facts: Any) -> None:
    """Print plain data as JSON; what JSON has no form for as text."""
    show([json.dumps(facts, indent=2, default=str)])


def aligned(pairs: Iterable[tuple[str, Any]], indent: int = 0) -> list[str]:
    """Return one line per name and value, the values below each other."""
    listed = [(name, str(value)) for name, value in pairs]
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{' ' * indent}{name.ljust(width)}  {value}".rstrip() for name, value in listed]


def memory(nbytes: int) -> str:
    """Return a size as people write it."""
    return f"{nbytes / 2**30:.1f} GiB" if nbytes else "unknown"
