"""Timelines in the Trace Event Format, which browsers and Perfetto show."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from rustorch.utils.safefile import replacing


class Event(NamedTuple):
    """One call of an op: when it began and how long it took, in nanoseconds."""

    name: str
    device: str
    dtype: str
    begin: int
    spent: int
    thread: int
    shapes: tuple[Any, ...]


def write(path: str | os.PathLike[str], events: list[Event], dropped: int = 0) -> None:
    """Write events as one complete ("X") event each; times are microseconds from the first one."""
    start = min((event.begin for event in events), default=0)
    process = os.getpid()
    found = [
        {
            "name": event.name,
            "cat": event.device,
            "ph": "X",
            "ts": (event.begin - start) / 1e3,
            "dur": event.spent / 1e3,
            "pid": process,
            "tid": event.thread,
            "args": {"device": event.device, "dtype": event.dtype, "shapes": event.shapes},
        }
        for event in events
    ]
    content = {"traceEvents": found, "displayTimeUnit": "ms", "otherData": {"dropped_events": dropped}}
    with replacing(path) as stream:
        stream.write(json.dumps(content).encode())
