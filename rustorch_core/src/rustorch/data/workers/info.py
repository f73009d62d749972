"""What a worker knows about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Facts about the worker process that asks."""

    id: int  # 0 to num_workers - 1
    num_workers: int
    seed: int  # the base seed of the epoch + id
    dataset: Any  # this process's copy


_current: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return the facts about this worker process; None in the process that owns the loader."""
    return _current


def set_worker_info(info: WorkerInfo) -> None:
    """Say which worker this process is; called once, by the worker itself."""
    global _current
    _current = info
