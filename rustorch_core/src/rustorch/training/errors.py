"""What the training API raises, and how it helps with misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rustorch.errors import RusTorchError


class TrainingError(RusTorchError, RuntimeError):
    """A model cannot be trained, evaluated or built as it stands."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the closest known name, or nothing if none is close."""
    spelling = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), spelling, n=1, cutoff=0.6)
    return f"; did you mean {spelling[close[0]]}?" if close else ""
