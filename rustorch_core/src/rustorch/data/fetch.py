"""How one batch is read: the same code in this process and in a worker."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch.data.collate import default_collate
from rustorch.data.dataset import IterableDataset, TensorDataset
from rustorch.data.subset import Subset

Fetcher = Callable[[Any], Any]


class StreamEnded(Exception):  # noqa: N818 - a signal, as StopIteration is, which users' code may raise itself
    """An iterable dataset has no more samples."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What it takes to make batches of a dataset."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    batched: bool  # whether a request is a list of indices, or one index
    drop_last: bool

    def fetcher(self) -> Fetcher:
        """Return a function from a request to a batch; it raises StreamEnded when a stream ends."""
        if isinstance(self.dataset, IterableDataset):
            return _Stream(self, iter(self.dataset)).fetch
        return self.fetch

    def fetch(self, request: Any) -> Any:
        """Return the batch of a list of indices, or the sample of one index."""
        if not self.batched:
            return self.collate_fn(self.dataset[request])
        if self.collate_fn is default_collate:
            rows = _rows(self.dataset, request)
            if rows is not None:
                return rows
        many = getattr(self.dataset, "__getitems__", None)
        samples = many(request) if many else [self.dataset[index] for index in request]
        return self.collate_fn(samples)


def _rows(dataset: Any, indices: Any) -> list[Any] | None:
    """Return what `default_collate` makes of rows of tensors, without taking them one by one; or None."""
    kind = type(dataset)
    if kind is Subset:
        return _rows(dataset.dataset, [dataset.indices[i] for i in indices])
    plain = isinstance(dataset, TensorDataset) and kind.__getitem__ is TensorDataset.__getitem__
    if not plain or hasattr(kind, "__getitems__"):
        return None
    numbers = np.asarray(indices)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        return None
    return dataset.get_batch(numbers)  # type: ignore[no-any-return]


class _Stream:
    """Reads batches of an iterable dataset."""

    def __init__(self, recipe: Recipe, samples: Iterator[Any]) -> None:
        self._recipe = recipe
        self._samples = samples
        self._ended = False

    def fetch(self, request: Any) -> Any:
        recipe = self._recipe
        wanted = len(request) if recipe.batched else 1
        batch = [] if self._ended else list(itertools.islice(self._samples, wanted))
        self._ended = len(batch) < wanted
        if not batch or (recipe.drop_last and self._ended):
            raise StreamEnded
        return recipe.collate_fn(batch if recipe.batched else batch[0])
