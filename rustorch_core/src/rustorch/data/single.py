"""One pass over a dataset in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rustorch.data import host_random
from rustorch.data.fetch import StreamEnded
from rustorch.errors import ArgumentError

if TYPE_CHECKING:
    from rustorch.data.loader import DataLoader


class SingleIterator:
    """Makes each batch when it is asked for."""

    def __init__(self, loader: DataLoader) -> None:
        # drawn although nothing is seeded with it, so that orders do not depend on the number of workers
        host_random.seed_from(loader.generator)
        self._requests: Iterator[Any] = iter(loader.index_sampler)
        self._fetch = loader.recipe().fetcher()

    def __iter__(self) -> SingleIterator:
        return self

    def __next__(self) -> Any:
        request = next(self._requests)
        try:
            return self._fetch(request)
        except StreamEnded:
            raise StopIteration from None
        except StopIteration as error:
            # it would end the caller's loop as if there were no more samples
            raise ArgumentError("DataLoader: the dataset or collate_fn raised StopIteration") from error
