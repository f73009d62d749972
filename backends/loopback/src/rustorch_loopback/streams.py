"""Streams: one worker thread each, which does what was submitted, in order and late."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from rustorch_loopback.options import options

if TYPE_CHECKING:
    from rustorch_loopback.runtime import LoopbackRuntime

Work = Callable[[], Any]


class _Worker(threading.local):
    active = False


_worker = _Worker()


class Event:
    """A mark in a stream; the worker that comes to it calls it."""

    __slots__ = ("_gate", "_reached", "_runtime", "_time")

    def __init__(self, runtime: LoopbackRuntime) -> None:
        self._runtime = runtime
        self._reached = False
        self._time = 0.0
        self._gate = threading.Lock()
        self._gate.acquire()

    def __call__(self) -> None:
        self._time = time.perf_counter()
        self._reached = True
        self._gate.release()

    def pass_by(self) -> None:
        """Wait until the mark is reached, whatever became of the work before it."""
        if not self._reached:
            with self._gate:
                pass

    def reached_within(self, seconds: float) -> bool:
        if not self._reached and self._gate.acquire(timeout=seconds):
            self._gate.release()
        return self._reached

    def synchronize(self) -> None:
        if _worker.active:
            raise RuntimeError(
                "loopback: a kernel reads a tensor of the core: an attribute, a size or a stride of its own"
            )
        self.pass_by()
        self._runtime.raise_pending()

    def query(self) -> bool:
        return self._reached

    def elapsed_time(self, later: Event) -> float:
        self.synchronize()
        later.synchronize()
        return (later._time - self._time) * 1e3


class Stream:
    """A queue of work and the thread that does it."""

    def __init__(self, runtime: LoopbackRuntime, number: int, priority: int = 0) -> None:
        self.runtime = runtime
        self.number = number
        self.priority = priority  # kept and not used: no order between streams can be relied on
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self.submit = self._queue.put
        worker = threading.Thread(
            target=_work,
            args=(self._queue, runtime, number),
            name=f"{runtime.name} stream {number}",
            daemon=True,
        )
        worker.start()
        # a stream that nobody has any more ends its worker, after the work that it was given
        self.end = weakref.finalize(self, _end, self._queue, worker)

    def record(self) -> Event:
        self.runtime.check()
        event = Event(self.runtime)
        self.submit(event)
        return event

    def wait(self, event: Event) -> None:
        self.runtime.check()
        self.submit(event.pass_by)

    def synchronize(self) -> None:
        self.record().synchronize()

    def query(self) -> bool:
        return self.record().reached_within(options.delay + 1e-3)  # an idle worker has come to it by then


def _work(queue: SimpleQueue[Work | None], runtime: LoopbackRuntime, number: int) -> None:
    """Do what comes out of the queue.  Whatever fails is kept for the next one who waits."""
    _worker.active = True
    dice = random.Random((options.seed << 8) + number)
    while True:
        work = queue.get()
        if work is None:
            return
        if options.delay and dice.random() < options.delayed:
            time.sleep(dice.random() * options.delay)
        if runtime.lost and not isinstance(work, Event):
            continue
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            runtime.note(error)
        del work  # or the operands would live until the next piece of work


def _end(queue: SimpleQueue[Work | None], worker: threading.Thread) -> None:
    queue.put(None)
