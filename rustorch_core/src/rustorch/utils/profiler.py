"""``Profiler``: how long each op takes, from the dispatch table's observers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from rustorch.dispatch import add_observer, remove_observer
from rustorch.errors import ArgumentError
from rustorch.utils import trace
from rustorch.utils.trace import Event

#: A trace keeps so many events; later ones are counted in the table only.
MOST_EVENTS = 1_000_000


@dataclass(slots=True)
class Row:
    """The calls of one op on one device.

    Attributes:
        total: nanoseconds, what ran inside (the ops of a decomposition) included.
        own: nanoseconds, without what ran inside.
        moved: bytes of operands and results.
    """

    op: str
    device: str
    calls: int = 0
    total: int = 0
    own: int = 0
    moved: int = 0


class _Stack(threading.local):
    """Per thread: nanoseconds spent inside each op that is running, the innermost last."""

    def __init__(self) -> None:
        self.inside: list[int] = []


class Profiler:
    """Measures every op between ``start`` and ``stop``; costs nothing while it is stopped.

    The device is synchronized after each op, so that the time is that of the work and not of handing
    it over; a program runs slower under the profiler.

    >>> import rustorch
    >>> profiler = rustorch.utils.Profiler()
    >>> with profiler.profile():
    ...     _ = rustorch.ones(3, 4) @ rustorch.ones(4, 5)
    >>> profiler.get_stats()["matmul"]["calls"]
    1
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}
        self._events: list[Event] = []
        self._dropped = 0
        self._running = False
        self._lock = threading.Lock()
        self._stack = _Stack()

    @property
    def running(self) -> bool:
        """Whether ops are being measured."""
        return self._running

    def start(self) -> None:
        """Measure from now on; nothing happens if it is running."""
        if not self._running:
            self._running = True
            add_observer(self)

    def stop(self) -> None:
        """Stop measuring; what was measured stays.  Nothing happens if it is stopped."""
        if self._running:
            self._running = False
            remove_observer(self)

    def reset(self) -> None:
        """Forget what was measured."""
        with self._lock:
            self._rows.clear()
            self._events.clear()
            self._dropped = 0

    @contextmanager
    def profile(self) -> Iterator[Profiler]:
        """Measure inside a ``with`` block."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def around(
        self, op: Any, dtype: Any, device: Any, call: Callable[..., None], out: Any, inputs: Any, attrs: Any
    ) -> None:
        """Run and measure one kernel; see :class:`rustorch.dispatch.observers.Observer`."""
        inside = self._stack.inside
        inside.append(0)
        begin = perf_counter_ns()
        try:
            call(out, *inputs, **attrs)
            device.runtime.synchronize()
        finally:
            spent = perf_counter_ns() - begin
            nested = inside.pop()
            if inside:
                inside[-1] += spent
        outs = out if isinstance(out, tuple) else (out,)
        moved = sum(x.shape.elements * x.dtype.itemsize for x in (*outs, *inputs) if x is not None)
        shapes = tuple(None if x is None else tuple(x.shape) for x in inputs)
        self._add(
            Event(op.name, str(device), dtype.name, begin, spent, threading.get_ident(), shapes),
            nested,
            moved,
        )

    def record(self, name: str, duration: float) -> None:
        """Add a measurement of one's own.

        Args:
            name: what was measured.
            duration: seconds.
        """
        if not duration >= 0:
            raise ArgumentError(f"record: a duration must not be negative, got {duration}")
        spent = round(duration * 1e9)
        self._add(Event(name, "user", "", perf_counter_ns() - spent, spent, threading.get_ident(), ()), 0, 0)

    def _add(self, event: Event, nested: int, moved: int) -> None:
        key = (event.name, event.device)
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                row = self._rows[key] = Row(*key)
            row.calls += 1
            row.total += event.spent
            row.own += event.spent - nested
            row.moved += moved
            if len(self._events) < MOST_EVENTS:
                self._events.append(event)
            else:
                self._dropped += 1

    def rows(self) -> list[Row]:
        """Return what was measured, the most expensive op first."""
        with self._lock:
            return sorted(self._rows.values(), key=lambda row: -row.own)

    def get_stats(self) -> dict[str, dict[str, float]]:
        """Return calls, seconds (total, own, mean) and bytes by op, over all devices."""
        found: dict[str, dict[str, float]] = {}
        for row in self.rows():
            stats = found.setdefault(row.op, {"calls": 0, "total": 0.0, "own": 0.0, "bytes": 0})
            stats["calls"] += row.calls
            stats["total"] += row.total / 1e9
            stats["own"] += row.own / 1e9
            stats["bytes"] += row.moved
        for stats in found.values():
            stats["mean"] = stats["total"] / stats["calls"]
        return found

    def summary(self) -> str:
        """Return a table: op, device, calls, time in all, time without ops inside, mean, share, bytes."""
        rows = self.rows()
        if not rows:
            return "Profiler: nothing was measured"
        whole = sum(row.own for row in rows) or 1
        header = ("op", "device", "calls", "total", "own", "mean", "share", "bytes")
        cells = [
            (
                row.op, row.device, str(row.calls),
                _time(row.total), _time(row.own), _time(row.total / row.calls),
                f"{100 * row.own / whole:.1f} %", _bytes(row.moved),
            )
            for row in rows
        ]  # fmt: skip
        widths = [max(len(line[i]) for line in (header, *cells)) for i in range(len(header))]
        lines = [_line(header, widths), "-" * (sum(widths) + 2 * (len(widths) - 1))]
        lines += [_line(line, widths) for line in cells]
        lines.append(f"{sum(row.calls for row in rows)} calls, {_time(whole)}")
        return "\n".join(lines)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write what was measured as a timeline for chrome://tracing or https://ui.perfetto.dev.

        Raises:
            SerializationError: if the file cannot be written.
        """
        with self._lock:
            events, dropped = list(self._events), self._dropped
        trace.write(path, events, dropped)

    # other names in use for the same
    enable = start
    disable = stop
    clear = reset


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join([*left, *right])


def _time(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3f} {unit}"
    return f"{nanoseconds / 1e3:.3f} us"


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
