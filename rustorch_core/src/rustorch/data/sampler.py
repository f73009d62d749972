"""Samplers: in which order a loader asks a dataset for samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from rustorch.base import TensorBase
from rustorch.data import host_random
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.rng import Generator

T_co = TypeVar("T_co", covariant=True)
_CHUNK = 32  # draws with replacement are made in chunks of this size


class Sampler(Generic[T_co]):
    """An iterable of indices, or of lists of indices for a batch sampler; subclasses define ``__iter__``."""

    def __init__(self, data_source: Any = None) -> None:
        del data_source  # accepted because PyTorch has it

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"Sampler: {type(self).__name__} must define __iter__")


class SequentialSampler(Sampler[int]):
    """Every index once, in order.

    >>> from rustorch.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Every index once in a uniformly random order, or `num_samples` independent draws.

    Args:
        data_source: the dataset, or anything with a length.
        replacement: draw independently instead of permuting.
        num_samples: how many indices; the length of the dataset if None.  Without replacement more
            than the length gives several permutations, one after another.
        generator: where the order comes from; the default generator if None.

    Raises:
        ArgumentError: if `num_samples`, or the dataset if it is None, is not positive.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = _checked_flag("RandomSampler", "replacement", replacement)
        self._num_samples = num_samples
        self.generator = host_random.checked_generator("RandomSampler", generator)
        _checked_count("RandomSampler", "num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an iteration gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, count = len(self.data_source), self.num_samples
        if self.replacement:
            generator = self.generator
            if generator is None:
                # draws come while the user's code runs: a stream of their own keeps the two apart
                generator = Generator().manual_seed(host_random.seed_from())
            for done in range(0, count, _CHUNK):
                yield from host_random.integers(size, min(_CHUNK, count - done), generator).tolist()
            return
        while count > 0:
            yield from host_random.permutation(size, self.generator)[:count].tolist()
            count -= size

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in a random order, without replacement."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = host_random.checked_generator("SubsetRandomSampler", generator)

    def __iter__(self) -> Iterator[int]:
        for i in host_random.permutation(len(self.indices), self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` indices, each drawn with a probability proportional to its weight.

    Args:
        weights: one per index, not negative, at least one positive; need not sum to 1.
        num_samples: how many indices to draw.
        replacement: whether an index can be drawn again.
        generator: where the draws come from; the default generator if None.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        op = "WeightedRandomSampler"
        self.num_samples = _checked_count(op, "num_samples", num_samples)
        self.replacement = _checked_flag(op, "replacement", replacement)
        self.generator = host_random.checked_generator(op, generator)
        given = weights.tolist() if isinstance(weights, TensorBase) else weights
        try:
            array = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise ArgumentTypeError(f"{op}: weights must be numbers, got {given!r:.60}") from None
        if array.ndim != 1:
            raise ArgumentError(f"{op}: weights should be a 1d sequence, got shape {array.shape}")
        if not np.all(np.isfinite(array)) or np.any(array < 0) or not np.any(array > 0):
            raise ArgumentError(f"{op}: weights must be finite, not negative and not all zero")
        positive = int(np.count_nonzero(array))
        if not replacement and num_samples > positive:
            raise ArgumentError(
                f"{op}: without replacement num_samples must not exceed the number of positive weights, "
                f"{positive}, got {num_samples}"
            )
        self.weights = array

    def __iter__(self) -> Iterator[int]:
        drawn = host_random.weighted(
            self.weights, self.num_samples, replacement=self.replacement, generator=self.generator
        )
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: how many per list.
        drop_last: leave out the last list if it is not full.

    >>> from rustorch.data import BatchSampler
    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = _checked_count("BatchSampler", "batch_size", batch_size)
        self.drop_last = _checked_flag("BatchSampler", "drop_last", drop_last)

    def __iter__(self) -> Iterator[list[Any]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _checked_count(op: str, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise ArgumentError(f"{op}: {name} should be a positive integer value, got {value!r}")
    return value


def _checked_flag(op: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"{op}: {name} should be a boolean value, got {value!r}")
    return value
