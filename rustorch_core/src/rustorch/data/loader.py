"""``DataLoader``: batches of a dataset, in order or shuffled, made here or by worker processes."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from typing import Any

from rustorch.data import host_random
from rustorch.data.collate import default_collate, default_convert
from rustorch.data.dataset import IterableDataset
from rustorch.data.fetch import Recipe
from rustorch.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from rustorch.data.single import SingleIterator
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.rng import Generator

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class _Forever:
    """The sampler of a stream, which has no indices."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class _Count(int):
    """A number that can also be called, as the documented API does."""

    __slots__ = ()

    def __call__(self) -> int:
        return int(self)


class DataLoader:
    """Iterates over a dataset in batches.

    Each ``for`` over the loader is one pass (an epoch).  Samples ``(x, y)`` come as batches
    ``[xs, ys]``.  The random order is a function of the generator's state alone: it is the same for
    every backend and any number of workers.

    Args:
        dataset: anything with ``[]`` and ``len``, or an :class:`IterableDataset`.
        batch_size: samples per batch; None gives single samples, not batched.
        shuffle: a new random order in every pass.
        sampler: an iterable of indices, instead of `shuffle`.
        batch_sampler: an iterable of lists of indices, instead of all of the above.
        num_workers: processes that make batches ahead of time; 0 makes them here, when asked for.
        collate_fn: makes a batch from a list of samples; :func:`default_collate` if None.
        pin_memory: a hint that batches are going to be copied to an accelerator.  Values and dtypes do
            not depend on it; no backend of this release has page-locked memory to use for it.
        drop_last: leave out the last batch if it is not full.
        timeout: seconds to wait for the workers; 0 waits as long as they live.
        worker_init_fn: called in each worker with its number, after seeding and before reading.
        multiprocessing_context: how workers start: "forkserver" (the default where there is one),
            "spawn" (the default elsewhere), "fork", or a context of :mod:`multiprocessing`.  The first
            two need a picklable dataset and, in scripts, ``if __name__ == "__main__":``.  "fork" needs
            neither, but copies a process whose threads may hold locks, and can then hang.
        generator: where the order and the workers' seeds come from; the default one if None.
        prefetch_factor: batches that each worker works ahead; 2 if None.
        persistent_workers: keep the workers from one pass to the next.
        pin_memory_device: accepted for `pin_memory`'s sake, with the same meaning.
        in_order: with False, workers' batches come as they get ready.

    Worker w is seeded with s + w, where s is drawn from `generator` in each pass: the default
    generator, :mod:`random` and :mod:`numpy.random` of that process.  Batches come through shared
    memory; an error in a worker is raised here with its type and its traceback in the text.

    Raises:
        ArgumentError: if options contradict each other.
        WorkerError: when iterating, if a worker died; with `timeout`, WorkerTimeoutError.

    >>> import rustorch
    >>> from rustorch.data import DataLoader, TensorDataset
    >>> dataset = TensorDataset(rustorch.arange(4.0), rustorch.tensor([0, 1, 0, 1]))
    >>> for x, y in DataLoader(dataset, batch_size=3):
    ...     print(x, y)
    tensor([0., 1., 2.]) tensor([0, 1, 0])
    tensor([3.]) tensor([1])
    """

    _ready = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers=persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = _checked_callable("worker_init_fn", worker_init_fn)
        self.multiprocessing_context = _checked_context(multiprocessing_context, num_workers)
        self.generator = host_random.checked_generator("DataLoader", generator)
        self.in_order = in_order
        self.persistent_workers = persistent_workers
        self._streams = isinstance(dataset, IterableDataset)
        if shuffle is not None and not isinstance(shuffle, bool):
            raise ArgumentTypeError(
                f"DataLoader: shuffle must be True or False, got {type(shuffle).__name__}"
            )
        _check_sampling(
            batch_size, shuffle, sampler, batch_sampler, drop_last=drop_last, streams=self._streams
        )
        self.batch_size = batch_size = None if batch_sampler is not None else batch_size
        self.drop_last = drop_last
        self.sampler = self._default_sampler(shuffle=bool(shuffle)) if sampler is None else sampler
        if batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        if not self._streams and not hasattr(dataset, "__getitem__"):
            raise ArgumentTypeError(
                f"DataLoader: a dataset with __getitem__ is required, got {type(dataset).__name__}",
                hint="subclass Dataset, or IterableDataset for a stream",
            )
        default = default_convert if batch_sampler is None else default_collate
        self.collate_fn = _checked_callable("collate_fn", collate_fn) or default
        self._kept: Any = None  # the iterator whose workers persist
        self._current: Any = None  # that of next_batch()
        self._peeked: list[Any] = []  # a batch that has_next() has read
        self._taken = 0
        self._ready = True

    def _default_sampler(self, *, shuffle: bool) -> Any:
        if self._streams:
            return _Forever()
        if not hasattr(self.dataset, "__len__"):
            raise ArgumentTypeError(
                f"DataLoader: the dataset must have __len__, got {type(self.dataset).__name__}",
                hint="pass a sampler, or make it an IterableDataset",
            )
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in _FIXED:
            raise ArgumentError(f"DataLoader: {name} cannot be set after the loader is made")
        super().__setattr__(name, value)

    @property
    def index_sampler(self) -> Any:
        """What requests are made from: lists of indices, or single indices where there are no batches."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def recipe(self) -> Recipe:
        """Return what it takes to make a batch."""
        return Recipe(self.dataset, self.collate_fn, self.batch_sampler is not None, self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        if not self.num_workers:
            return SingleIterator(self)
        from rustorch.data.workers.iterator import WorkersIterator

        if self._kept is not None and self._kept.reusable:
            self._kept.restart(self)
            return self._kept  # type: ignore[no-any-return]
        made = WorkersIterator(self)
        if self.persistent_workers:
            self._kept = made
        return made

    def __len__(self) -> int:
        if not self._streams:
            return len(self.index_sampler)
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)

    # -- one batch at a time -------------------------------------------------------------------------

    def reset(self) -> None:
        """Begin a new pass for :meth:`next_batch`."""
        self._peeked.clear()
        self._current = iter(self)
        self._taken = 0

    def next_batch(self) -> Any:
        """Return the next batch, or None when the pass is over, until :meth:`reset`.

        >>> from rustorch.data import DataLoader
        >>> loader = DataLoader(range(3), batch_size=2)
        >>> while (batch := loader.next_batch()) is not None:
        ...     print(batch)
        tensor([0, 1])
        tensor([2])
        """
        if not self.has_next():
            return None
        self._taken += 1
        return self._peeked.pop()

    def has_next(self) -> bool:
        """Return whether :meth:`next_batch` has another batch; reads it."""
        if self._current is None:
            self.reset()
        if not self._peeked:
            for batch in self._current:
                self._peeked.append(batch)
                break
        return bool(self._peeked)

    @property
    def num_batches(self) -> int:
        """How many batches a pass has."""
        return _Count(len(self))

    @property
    def current_batch_index(self) -> int:
        """How many batches :meth:`next_batch` has returned in this pass."""
        return _Count(self._taken)


def _check_workers(num_workers: Any, timeout: Any, prefetch: Any, *, persistent_workers: bool) -> None:
    if not isinstance(num_workers, int) or isinstance(num_workers, bool):
        raise ArgumentTypeError(f"DataLoader: num_workers must be an integer, got {num_workers!r}")
    if num_workers < 0:
        raise ArgumentError(
            f"DataLoader: num_workers option should be non-negative, got {num_workers}",
            hint="num_workers=0 makes batches in this process",
        )
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise ArgumentTypeError(f"DataLoader: timeout must be a number, got {type(timeout).__name__}")
    if timeout < 0:
        raise ArgumentError(f"DataLoader: timeout option should be non-negative, got {timeout}")
    if prefetch is not None and not num_workers:
        raise ArgumentError("DataLoader: prefetch_factor needs num_workers > 0")
    if prefetch is not None and (not isinstance(prefetch, int) or prefetch < 1):
        raise ArgumentError(f"DataLoader: prefetch_factor should be a positive integer, got {prefetch!r}")
    if persistent_workers and not num_workers:
        raise ArgumentError("DataLoader: persistent_workers option needs num_workers > 0")


def _check_sampling(
    batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, *, drop_last: bool, streams: bool
) -> None:
    if streams:
        for name, value in (
            ("shuffle", shuffle or None),
            ("sampler", sampler),
            ("batch_sampler", batch_sampler),
        ):
            if value is not None:
                raise ArgumentError(
                    "DataLoader: an IterableDataset has its own order, "
                    f"expected unspecified {name} option, got {value!r}"
                )
    for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None and not hasattr(value, "__iter__"):
            raise ArgumentTypeError(f"DataLoader: {name} must be iterable, got {type(value).__name__}")
    if sampler is not None and shuffle:
        raise ArgumentError("DataLoader: sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ArgumentError(
            "DataLoader: batch_sampler option is mutually exclusive with "
            "batch_size, shuffle, sampler, and drop_last"
        )
    if batch_size is None and drop_last:
        raise ArgumentError(
            "DataLoader: batch_size=None makes no batches and is mutually exclusive with drop_last"
        )


def _checked_callable(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ArgumentTypeError(f"DataLoader: {name} must be callable, got {type(value).__name__}")
    return value


def _checked_context(context: Any, num_workers: int) -> Any:
    if context is None:
        return None
    if not num_workers:
        raise ArgumentError("DataLoader: multiprocessing_context needs num_workers > 0, got num_workers=0")
    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ArgumentError(
                f"DataLoader: multiprocessing_context should be one of {methods}, got {context!r}"
            )
    elif not isinstance(context, BaseContext):
        raise ArgumentTypeError(
            f"DataLoader: multiprocessing_context should be a context or a start method, got {context!r}"
        )
    return context
