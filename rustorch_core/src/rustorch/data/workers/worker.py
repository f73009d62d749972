"""The worker's side: reads requests, makes batches, sends them back.

A thread reads the channel, so that the loader never waits to send a request, and so that a worker
notices at once when the loader is gone, whatever the dataset's code is doing.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch import rng
from rustorch.data.fetch import Fetcher, Recipe, StreamEnded
from rustorch.data.workers import packing
from rustorch.data.workers.channel import Channel, ChannelClosedError
from rustorch.data.workers.failure import Failure
from rustorch.data.workers.info import WorkerInfo, set_worker_info
from rustorch.data.workers.memory import SegmentPool
from rustorch.device import get_default_device, set_default_device
from rustorch.dtypes import set_default_dtype

_GRACE = 2.0  # seconds for the dataset's code to end by itself after the loader is gone

# messages to a worker: (REQUEST, epoch, position, request, returned segments), (EPOCH, epoch), (STOP,)
REQUEST, EPOCH, STOP = range(3)
# from a worker: (READY,), (BATCH, epoch, position, stream, places, new segments, retired ones),
#                (END, epoch, position, None), (ERROR, epoch, position, failure)
READY, BATCH, END, ERROR = range(4)

_OPENING = (
    " while it read what it was sent (Hint: what a notebook or the interactive prompt defines is unknown to "
    'new processes: put it in a module, or pass multiprocessing_context="fork")'
)


@dataclass(frozen=True, slots=True)
class Job:
    """What all workers of a loader are told."""

    recipe: Recipe
    num_workers: int
    base_seed: int
    init: Callable[[int], Any] | None
    device: str | None  # the default device, on host memory
    dtype: str  # the default dtype


def run(channel_socket: Any, parcel: Any, number: int) -> None:
    """Be worker `number` until told to stop; the target of the process."""
    # Ctrl-C reaches the whole process group; the loader alone decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(channel_socket)
    where = f"DataLoader worker process {number}"
    with contextlib.suppress(ChannelClosedError):
        step = _OPENING
        try:
            job: Job = parcel.open()
            step = ""
            _settle(job, number)
        except Exception as error:  # noqa: BLE001 - goes to the caller
            channel.send(pickle.dumps((ERROR, -1, -1, Failure.of(error, where + step))))
            return
        channel.send(pickle.dumps((READY,)))
        _Worker(channel, job.recipe, where).serve()


def _settle(job: Job, number: int) -> None:
    """Make this process a worker: its defaults, one thread, its seeds, its facts, the user's function."""
    if job.device is not None:
        set_default_device(job.device)
    set_default_dtype(job.dtype)
    limit = getattr(get_default_device().runtime, "set_num_threads", None)
    if limit is not None:
        limit(1)  # the workers are the parallelism
    seed = job.base_seed + number
    rng.manual_seed(seed)
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))  # noqa: NPY002 - what datasets use
    set_worker_info(WorkerInfo(number, job.num_workers, seed, job.recipe.dataset))
    if job.init is not None:
        job.init(number)


class _Worker:
    def __init__(self, channel: Channel, recipe: Recipe, where: str) -> None:
        self._channel = channel
        self._recipe = recipe
        self._where = where
        self._pool = SegmentPool()
        self._requests: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._epoch = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                message = pickle.loads(self._channel.receive()[0])  # noqa: S301 - from the loader
            except ChannelClosedError:
                self._requests.put(None)
                time.sleep(_GRACE)
                os._exit(1)  # the dataset's code may never end
            if message[0] == STOP:
                self._requests.put(None)
                self._channel.shut()  # ends a send that nobody reads
                return
            if message[0] == EPOCH:
                self._epoch = message[1]  # requests of older epochs in the queue are skipped
            else:
                self._requests.put(message)

    def serve(self) -> None:
        """Answer requests until there are no more."""
        epoch, fetch = -1, None
        while (message := self._requests.get()) is not None:
            _, wanted, position, request, returned = message
            self._pool.give_back(returned)
            if wanted != self._epoch:
                continue
            answer: Any
            descriptors: list[int] = []
            try:
                if wanted != epoch or fetch is None:
                    epoch, fetch = wanted, self._recipe.fetcher()
                answer, descriptors = self._batch(fetch, request)
            except StreamEnded:
                answer = (END, None)
            except Exception as error:  # noqa: BLE001 - goes to the caller
                answer = (ERROR, Failure.of(error, self._where))
            try:
                self._channel.send(pickle.dumps((answer[0], wanted, position, *answer[1:])), descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _batch(self, fetch: Fetcher, request: Any) -> tuple[Any, list[int]]:
        """Return the answer to a request, with the descriptors of new segments."""
        stream, arrays = packing.pack(fetch(request))
        places, new, descriptors = [], [], []
        try:
            for array in arrays:
                segment, descriptor = self._pool.take(array.nbytes)
                segment.view(array.nbytes)[:] = np.frombuffer(array, np.uint8)
                places.append((segment.number, array.nbytes))
                if descriptor is not None:
                    new.append(segment.number)
                    descriptors.append(descriptor)
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            self._pool.cancel([number for number, _ in places], new)
            raise
        retired, self._pool.retired = self._pool.retired, []
        return (BATCH, stream, places, new, retired), descriptors
