"""Parts of a dataset: chosen samples, random splits."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

from rustorch.data import host_random
from rustorch.data.dataset import Dataset
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.ops.blame import explained_as
from rustorch.rng import Generator


class Subset(Dataset[Any]):
    """The samples of a dataset at `indices`, in that order.

    >>> from rustorch.data import Subset
    >>> list(Subset(range(10, 20), [3, 1]))
    [13, 11]
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


@explained_as("random_split")
def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Share the samples out at random into subsets of the given lengths, or fractions that sum to 1.

    With fractions each subset gets ``floor(fraction * len(dataset))`` samples, and the rest goes one
    by one to the first subsets.

    Raises:
        ArgumentError: if the lengths do not sum to the dataset's, or a fraction is outside of [0, 1].

    >>> import rustorch
    >>> from rustorch.data import random_split
    >>> parts = random_split(range(10), [0.7, 0.3], generator=rustorch.Generator().manual_seed(0))
    >>> [len(part) for part in parts]
    [7, 3]
    """
    host_random.checked_generator("random_split", generator)
    if not hasattr(dataset, "__len__"):
        raise ArgumentTypeError(f"random_split: the dataset must have __len__, got {type(dataset).__name__}")
    total = len(dataset)
    counts = list(lengths)
    if math.isclose(sum(counts), 1) and sum(counts) <= 1:
        counts = _counts_of(counts, total)
    if any(not float(n).is_integer() or n < 0 for n in counts) or sum(counts) != total:
        raise ArgumentError(
            f"random_split: lengths must sum to the length of the dataset, {total}, "
            f"or be fractions that sum to 1, got {list(lengths)}"
        )
    order = host_random.permutation(total, generator).tolist()
    ends = itertools.accumulate(int(n) for n in counts)
    return [Subset(dataset, order[end - int(n) : end]) for end, n in zip(ends, counts, strict=True)]


def _counts_of(fractions: Sequence[float], total: int) -> list[int | float]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ArgumentError(f"random_split: fraction at index {i} is not between 0 and 1, got {fraction}")
    counts = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(counts)):
        counts[i % len(counts)] += 1
    for i, count in enumerate(counts):
        if count == 0:
            warnings.warn(
                f"random_split: the split at index {i} has length 0, its subset is empty", stacklevel=3
            )
    return list(counts)
