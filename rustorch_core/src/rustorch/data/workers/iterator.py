"""One pass over a dataset by several processes, in the order of one."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rustorch.data import host_random
from rustorch.data.workers import worker
from rustorch.data.workers.group import Answer, Group, Member, context_of
from rustorch.data.workers.worker import Job
from rustorch.device import get_default_device
from rustorch.dispatch import policy
from rustorch.dtypes import get_default_dtype
from rustorch.errors import WorkerError

if TYPE_CHECKING:
    from rustorch.data.loader import DataLoader


class WorkersIterator:
    """Asks the workers in turn, a few batches ahead, and gives batches out in the order of the requests."""

    def __init__(self, loader: DataLoader) -> None:
        self._prefetch = loader.prefetch_factor or 1
        self._timeout = loader.timeout or None
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._epoch = 0
        self._broken = ""  # the error after which the workers were ended
        job = Job(
            loader.recipe(),
            loader.num_workers,
            host_random.seed_from(loader.generator),
            loader.worker_init_fn,
            _device_of_workers(),
            get_default_dtype().name,
        )
        self._group = Group(context_of(loader.multiprocessing_context), job)
        # runs when this object is collected, and at exit, before the modules that it needs are gone
        self._close = weakref.finalize(self, self._group.close)
        self._begin(loader)

    def _begin(self, loader: DataLoader) -> None:
        self._requests: Iterator[Any] = iter(loader.index_sampler)
        self._sent = 0  # requests
        self._given = 0  # positions that are done with
        self._owners: dict[int, Member] = {}  # position -> the worker that was asked
        self._ready: dict[int, Answer] = {}  # position -> what came for it
        self._turn: deque[Member] = deque(self._group.members)  # workers whose streams go on
        with _closing_on_error(self):
            for _ in range(self._prefetch * len(self._turn)):
                self._ask()

    def restart(self, loader: DataLoader) -> None:
        """Begin another pass with the same workers; what was under way is dropped."""
        self._epoch += 1
        host_random.seed_from(loader.generator)  # each pass takes one draw, as with fresh workers
        with _closing_on_error(self):
            self._group.start_epoch(self._epoch)
        self._begin(loader)

    @property
    def reusable(self) -> bool:
        """Whether the workers are there for another pass."""
        return self._close.alive

    def _ask(self) -> None:
        """Send the next request, if there is one and a worker for it."""
        if not self._turn:
            return
        try:
            request = next(self._requests)
        except StopIteration:
            return
        if self._in_order:
            member = self._turn[0]
            self._turn.rotate(-1)
        else:  # whoever has least to do
            busy = list(self._owners.values())
            member = min(self._turn, key=busy.count)
        self._group.request(member, self._epoch, self._sent, request)
        self._owners[self._sent] = member
        self._sent += 1

    def __iter__(self) -> WorkersIterator:
        return self

    def __next__(self) -> Any:
        with _closing_on_error(self):
            answer = self._next()
        if answer is None:
            if not self._persistent:
                self._close()
            raise StopIteration
        if answer.kind == worker.ERROR:
            answer.content.throw()
        return answer.content

    def _next(self) -> Answer | None:
        """Return the answer whose turn it is; None at the end."""
        self._check_usable()
        while self._owners or self._ready:
            position = self._given if self._in_order else next(iter(self._ready), -1)
            answer = self._ready.pop(position, None)
            if answer is None:
                self._collect()
                continue
            self._given += 1
            # ended streams count when it is their turn, so that who is asked what does not depend on timing
            if answer.kind == worker.END and answer.member in self._turn:
                self._turn.remove(answer.member)
            self._ask()
            if answer.kind != worker.END:
                return answer
        return None

    def _collect(self) -> None:
        """Wait for answers and keep them."""
        for answer in self._group.answers(self._timeout):
            if answer.position < 0:
                answer.content.throw()  # the worker could not start
            if answer.epoch == self._epoch:  # else of a pass that was left
                del self._owners[answer.position]
                self._ready[answer.position] = answer

    def _check_usable(self) -> None:
        if self._broken:
            raise WorkerError(f"DataLoader: the workers have ended, after {self._broken}")

    def close(self) -> None:
        """End the workers."""
        self._close()


@contextmanager
def _closing_on_error(iterator: WorkersIterator) -> Iterator[None]:
    """End the workers if anything goes wrong, Ctrl-C included: half a message may have been read."""
    try:
        yield
    except BaseException as error:
        iterator._broken = iterator._broken or f"{type(error).__name__}: {error}"
        iterator.close()
        raise


def _device_of_workers() -> str | None:
    """Return a device on host memory: drivers of accelerators are not opened once per worker."""
    default = get_default_device()
    found = default if default.info.host_memory else policy.find_host(default)
    return None if found is None else str(found)
