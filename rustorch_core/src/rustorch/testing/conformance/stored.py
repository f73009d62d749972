"""The last grade of each backend, kept in the user's cache directory."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote


def cache_directory(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    r"""Return where RusTorch keeps what can be made again: ``RUSTORCH_CACHE_DIR``, else the platform's place.

    That is ``$XDG_CACHE_HOME/rustorch`` (``~/.cache/rustorch``) on Linux, ``~/Library/Caches/rustorch`` on
    macOS, ``%LOCALAPPDATA%\\rustorch\Cache`` on Windows.
    """
    found = os.environ if environment is None else environment
    if found.get("RUSTORCH_CACHE_DIR"):
        return Path(found["RUSTORCH_CACHE_DIR"])
    if platform == "win32":
        return Path(found.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rustorch" / "Cache"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rustorch"
    given = found.get("XDG_CACHE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".cache") / "rustorch"


def store(summary: dict[str, Any]) -> Path | None:
    """Keep the summary of a report as the last grade of its subject; return the file, None if it cannot be written."""
    path = _file(summary["subject"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
        unfinished.replace(path)
    except OSError:  # a grade is worth something also where it cannot be kept
        return None
    return path


def last_grade(name: str) -> dict[str, Any] | None:
    """Return the summary of the last complete run of the suite on a backend; None if there is none.

    It has the keys ``grade``, ``ok``, ``tier``, ``counts``, ``failures``, ``when``, ``rustorch``,
    ``distribution`` and others; see docs/conformance.md.

    Args:
        name: the backend as it was named to ``rustorch grade``.

    >>> from rustorch.testing.conformance.stored import last_grade
    >>> last_grade("a backend that nobody has graded") is None
    True
    """
    try:
        found: Any = json.loads(_file(name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "grade" in found else None


def _file(name: str) -> Path:
    kind, _, index = name.rpartition(":")
    return cache_directory() / "grades" / f"{quote(kind if kind and index == '0' else name, safe='')}.json"
