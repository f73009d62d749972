"""The values of every epoch as a table in a file."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from rustorch.training.callbacks.base import Callback


class CSVLogger(Callback):
    """Write a row per epoch: its number (from 0), then every value; empty where there is none.

    Args:
        path: the file.
        separator: between values.
        append: add rows to an existing file.
    """

    def __init__(self, path: str | PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.path = Path(path)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._writer: Any = None

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Open the file and write the names."""
        del logs
        columns = ["epoch", *self.params["metrics"]]
        with_names = not (self.append and self.path.exists() and self.path.stat().st_size)
        self._file = self.path.open("a" if self.append else "w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._file, columns, delimiter=self.separator, restval="")
        if with_names:
            self._writer.writeheader()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Write a row; it is in the file at once."""
        self._writer.writerow({"epoch": epoch, **logs})
        if self._file is not None:
            self._file.flush()

    def on_train_end(self, logs: dict[str, float]) -> None:
        """Close the file."""
        del logs
        if self._file is not None:
            self._file.close()
            self._file = None
