"""Datasets: something with ``dataset[i]`` and a length, or something to iterate over."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, OutOfBoundsError, ShapeError
from rustorch.ops.creation import adopt

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples that are read by index: subclasses define ``__getitem__``, and ``__len__`` if it is known.

    A subclass may also define ``__getitems__(indices)``, which returns the list of samples of a whole
    batch at once.  ``a + b`` is the :class:`ConcatDataset` of both.

    >>> from rustorch.data import Dataset
    >>> class Squares(Dataset):
    ...     def __getitem__(self, index):
    ...         return index * index
    ...
    ...     def __len__(self):
    ...         return 5
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"Dataset: {type(self).__name__} must define __getitem__")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples that come as a stream: subclasses define ``__iter__``.

    With several workers every worker iterates over its own copy, so ``__iter__`` has to share the
    work out by :func:`get_worker_info`, or every sample comes once per worker.

    >>> from rustorch.data import DataLoader, IterableDataset
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5))
    >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"IterableDataset: {type(self).__name__} must define __iter__")

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Any, ...]]):
    """The rows of tensors that have equally many: sample i is ``(a[i], b[i], ...)``.

    Raises:
        ArgumentTypeError: if something else than a tensor is given.
        ShapeError: if the first sizes differ.

    >>> import rustorch
    >>> from rustorch.data import TensorDataset
    >>> dataset = TensorDataset(rustorch.tensor([[1.0], [2.0]]), rustorch.tensor([0, 1]))
    >>> len(dataset), dataset[1]
    (2, (tensor([2.]), tensor(1)))
    """

    tensors: tuple[Any, ...]

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ArgumentTypeError("TensorDataset: at least one tensor is required, got none")
        for tensor in tensors:
            if not isinstance(tensor, TensorBase):
                raise ArgumentTypeError(
                    f"TensorDataset: tensors are required, got {type(tensor).__name__}",
                    hint="convert it with rustorch.tensor(...) or rustorch.from_numpy(...)",
                )
            if not tensor.shape:
                raise ShapeError("TensorDataset: tensors need at least one dim, got a 0-d tensor")
        if len({tensor.shape[0] for tensor in tensors}) > 1:
            raise ShapeError(
                "TensorDataset: size mismatch between tensors, got shapes "
                + ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def get_batch(self, indices: Sequence[int]) -> list[Any]:
        """Return the rows that `indices` name, one tensor for each tensor of the dataset.

        Raises:
            OutOfBoundsError: if an index is outside of the dataset.
        """
        rows = np.array(indices, np.int64)
        size = len(self)
        if rows.size and not (-size <= rows.min() and rows.max() < size):
            wrong = rows[(rows < -size) | (rows >= size)][0]
            raise OutOfBoundsError(f"TensorDataset: index {wrong} is out of bounds for {size} samples")
        rows[rows < 0] += size
        on: dict[Any, Any] = {}
        for tensor in self.tensors:
            if tensor.device not in on:
                on[tensor.device] = adopt(rows, tensor.device)
        return [tensor.index_select(0, on[tensor.device]) for tensor in self.tensors]


class ConcatDataset(Dataset[Any]):
    """One dataset after another.

    >>> from rustorch.data import ConcatDataset
    >>> ConcatDataset([range(3), range(10, 12)])[3]
    10
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ArgumentError("ConcatDataset: datasets should not be an empty iterable")
        self.cumulative_sizes = []
        total = 0
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise ArgumentTypeError(
                    "ConcatDataset: an IterableDataset has no indices", hint="use ChainDataset"
                )
            total += len(dataset)
            self.cumulative_sizes.append(total)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        size = len(self)
        if not -size <= index < size:
            raise OutOfBoundsError(f"ConcatDataset: index {index} is out of bounds for {size} samples")
        index %= size
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset[Any]):
    """One stream after another.

    >>> from rustorch.data import ChainDataset, IterableDataset
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(Count() + Count())
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise ArgumentTypeError(
                    f"ChainDataset: only IterableDatasets can be chained, got {type(dataset).__name__}",
                    hint="use ConcatDataset for datasets with indices",
                )

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)
