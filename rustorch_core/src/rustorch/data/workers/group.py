"""The loader's side: starting workers, talking to them, noticing their deaths, ending them."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import connection
from types import FunctionType, ModuleType
from typing import Any

from rustorch.data.workers import memory, packing, worker
from rustorch.data.workers.channel import Channel, ChannelClosedError
from rustorch.data.workers.memory import Ledger
from rustorch.data.workers.parcel import Parcel
from rustorch.data.workers.worker import Job
from rustorch.errors import WorkerError, WorkerTimeoutError

_PATIENCE = 1.0  # seconds for workers to end by themselves, and again after SIGTERM
_MOST_LOANS = 16  # segments per worker that a caller can hold before batches are copied

_NOT_READY = (
    "a script that uses workers is imported by them: put what it does under `if __name__ == '__main__':`; "
    'or pass multiprocessing_context="fork"'
)
_KILLED = (
    "the system may have run out of memory: use fewer workers, smaller batches or a smaller prefetch_factor"
)


def context_of(choice: Any) -> Any:
    """Return the multiprocessing context of a choice; None is the default.

    The default is ``forkserver``, or ``spawn`` where there is none: processes that start from a clean,
    single-threaded one.  ``fork`` copies a process whose other threads (kernels, BLAS, progress bars)
    vanish in the copy with the locks that they hold, and whose drivers do not survive it.
    """
    if choice is not None and not isinstance(choice, str):
        return choice
    methods = multiprocessing.get_all_start_methods()
    method = choice or ("forkserver" if "forkserver" in methods else "spawn")
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        _preload()
    return context


def _preload() -> None:
    """Let the fork server import us once, unless the user has chosen what it imports.

    Every worker runs the main script again for its definitions, so the server also imports what the
    script does: heavy imports are then paid for once, and not per worker and pass.
    """
    from multiprocessing import forkserver

    server: Any = forkserver._forkserver
    if server._preload_modules == ["__main__"]:
        server.set_forkserver_preload([worker.__name__, *_imports_of_main()])


def _imports_of_main() -> list[str]:
    names = set()
    for value in list(vars(sys.modules["__main__"]).values()):
        if isinstance(value, ModuleType):
            names.add(value.__name__)
        elif isinstance(value, (type, FunctionType)):
            names.add(value.__module__)
    return sorted(name for name in names if name in sys.modules and not name.startswith("__"))


@dataclass(slots=True, eq=False)
class Member:
    """One worker, as its loader sees it."""

    number: int
    process: Any
    channel: Channel
    ledger: Ledger = field(default_factory=Ledger)
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker said about a request."""

    member: Member
    kind: int  # worker.BATCH, END or ERROR
    epoch: int
    position: int
    content: Any  # the batch, or the Failure


#: Seconds of one wait.  Python handles a signal only between waits, whichever thread the system gave it to.
_SLICE = 0.5


def _wait(objects: list[Any], timeout: float | None) -> list[Any]:
    """Return the objects that are ready, waiting for one at most `timeout` seconds (None: for ever)."""
    end = math.inf if timeout is None else time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        ready = connection.wait(objects, max(0.0, min(_SLICE, left)))
        if ready or left <= _SLICE:
            return ready


class Group:
    """The workers of one iterator."""

    def __init__(self, context: Any, job: Job) -> None:
        self._owner = os.getpid()
        self.members: list[Member] = []
        parcel = Parcel(job)
        try:
            for number in range(job.num_workers):
                self.members.append(_started(context, parcel, number))
        except BaseException:
            self.close()
            raise
        finally:
            parcel.close()

    def request(self, member: Member, epoch: int, position: int, request: Any) -> None:
        """Ask a worker for a batch; returns before it is there."""
        self._send(member, (worker.REQUEST, epoch, position, request, member.ledger.collect()))

    def start_epoch(self, epoch: int) -> None:
        """Tell all workers to forget older requests and begin their streams again."""
        for member in self.members:
            self._send(member, (worker.EPOCH, epoch))

    def _send(self, member: Member, message: tuple[Any, ...]) -> None:
        with contextlib.suppress(ChannelClosedError):  # `answers` reads its last words, and why it ended
            member.channel.send(pickle.dumps(message))

    def answers(self, timeout: float | None) -> Iterator[Answer]:
        """Yield what has come from the workers, after waiting until something has.

        Raises:
            WorkerError: if a worker has died.
            WorkerTimeoutError: if nothing came in time.
        """
        waited: dict[Any, Member] = {m.channel: m for m in self.members}
        waited.update((m.process.sentinel, m) for m in self.members)
        ready = _wait(list(waited), timeout)
        if not ready:
            raise WorkerTimeoutError(f"DataLoader: timed out after {timeout} seconds")
        # what a worker managed to send comes before the news of its death
        for one in [one for one in ready if isinstance(one, Channel)]:
            answer = self._receive(waited[one])
            if answer is not None:
                yield answer
        for one in ready:
            if not isinstance(one, Channel) and waited[one].channel not in ready:
                raise _death(waited[one])

    def _receive(self, member: Member) -> Answer | None:
        try:
            data, descriptors = member.channel.receive()
        except ChannelClosedError:
            raise _death(member) from None
        try:
            kind, *rest = pickle.loads(data)  # noqa: S301 - from a process that we started
            if kind == worker.READY:
                member.ready = True
                return None
            if kind != worker.BATCH:
                return Answer(member, kind, *rest)
            epoch, position, stream, places, new, retired = rest
            segments = member.ledger.segments
            for descriptor, number in zip(descriptors, new, strict=True):
                segments[number] = memory.attach(descriptor, number)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        for number in retired:
            del segments[number]
        arrays = [member.ledger.lend(number, nbytes, _MOST_LOANS) for number, nbytes in places]
        return Answer(member, kind, epoch, position, packing.unpack(stream, arrays))

    def close(self) -> None:
        """End the workers, at the latest after a few seconds; may be called twice."""
        if os.getpid() != self._owner:
            return  # a forked copy: the workers are not its children
        members, self.members = self.members, []
        for member in members:
            # never waits: a worker reads all the time, and who has stopped reading gets the signal
            member.channel.sock.settimeout(_PATIENCE)
            with contextlib.suppress(ChannelClosedError):
                member.channel.send(pickle.dumps((worker.STOP,)))
        for end in (lambda _: None, lambda p: p.terminate(), lambda p: p.kill()):
            alive = [m.process for m in members if m.process.is_alive()]
            for process in alive:
                end(process)
            _await([process.sentinel for process in alive])
        for member in members:
            member.process.join()
            member.process.close()
            member.channel.close()


def _started(context: Any, parcel: Parcel, number: int) -> Member:
    ours, theirs = Channel.pair()
    try:
        process = context.Process(
            target=worker.run, args=(theirs.sock, parcel, number), name=f"rustorch-data-{number}", daemon=True
        )
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Member(number, process, ours)


def _await(sentinels: list[Any]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while sentinels and (left := deadline - time.monotonic()) > 0:
        for sentinel in connection.wait(sentinels, left):
            sentinels.remove(sentinel)


def _death(member: Member) -> WorkerError:
    process = member.process
    process.join(_PATIENCE)
    code, hint = process.exitcode, ""
    if code is None:
        how = "closed its channel"
    elif code < 0:
        with contextlib.suppress(ValueError):
            code = signal.Signals(-code).name
        how, hint = f"was killed by signal {code}", _KILLED
    else:
        how = f"exited with code {code}"
    if not member.ready:
        how += " before it was ready"
        hint = hint or _NOT_READY
    return WorkerError(f"DataLoader: worker {member.number} (pid {process.pid}) {how}", hint=hint)
