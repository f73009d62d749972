"""Progress while training: a bar on a terminal, one line per epoch elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any


def text_of(logs: dict[str, float]) -> str:
    """Return values as ``loss=0.1234 accuracy=0.9``."""
    return " ".join(f"{name}={value:.4g}" for name, value in logs.items())


class Progress:
    """Shows the epochs of one run on ``sys.stdout``."""

    def __init__(self, epochs: int, steps: int | None, *, verbose: bool) -> None:
        self.epochs = epochs
        self.steps = steps
        self.verbose = verbose
        self._bar: Any = None
        self._title = ""
        self._started = 0.0

    def start_epoch(self, epoch: int) -> None:
        """Begin an epoch, counted from 0."""
        self._title = f"Epoch {epoch + 1}/{self.epochs}"
        self._started = time.perf_counter()
        stream = sys.stdout
        if self.verbose and stream is not None and stream.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=self.steps, desc=self._title, unit="batch", file=stream, dynamic_ncols=True
            )

    def advance(self, logs: dict[str, float] | None) -> None:
        """Count one batch; new values are shown if given."""
        if self._bar is not None:
            if logs is not None:
                self._bar.set_postfix_str(text_of(logs), refresh=False)
            self._bar.update()

    def end_epoch(self, logs: dict[str, float]) -> None:
        """Show the values of the epoch."""
        if self._bar is not None:
            self._bar.set_postfix_str(text_of(logs), refresh=True)
            self.close()
        elif self.verbose and sys.stdout is not None:
            seconds = time.perf_counter() - self._started
            sys.stdout.write(f"{self._title} - {seconds:.2f}s - {text_of(logs)}\n")
            sys.stdout.flush()

    def close(self) -> None:
        """Leave the bar as it stands; also after an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
