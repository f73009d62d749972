"""The share of one process: every rank of a distributed run reads its own samples."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

from rustorch.data import host_random
from rustorch.data.sampler import Sampler
from rustorch.errors import ArgumentError, RusTorchError
from rustorch.rng import Generator


class DistributedSampler(Sampler[int]):
    """The indices of one rank: equally many on each, together the whole dataset.

    All ranks make the same order from ``seed + epoch``, and rank r takes every `num_replicas`-th
    index from position r.  If the dataset does not divide evenly, the first indices of the order
    are used again, or with `drop_last` the last ones are left out.

    Args:
        dataset: anything with a length, or the length itself.
        num_replicas: how many ranks; that of the process group if None.
        rank: this rank; that of the process group if None.
        shuffle: whether the order is random; then call :meth:`set_epoch` before every epoch.
        seed: the same on all ranks.
        drop_last: leave samples out instead of repeating some.

    >>> from rustorch.data import DistributedSampler
    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized | int,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None:
            num_replicas = _of_process_group("get_world_size")
        if rank is None:
            rank = _of_process_group("get_rank")
        if num_replicas < 1:
            raise ArgumentError(f"DistributedSampler: num_replicas must be positive, got {num_replicas}")
        if not 0 <= rank < num_replicas:
            raise ArgumentError(
                f"DistributedSampler: rank must be in the interval [0, {num_replicas - 1}], got {rank}"
            )
        self.dataset = range(dataset) if isinstance(dataset, int) else dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0
        size = len(self.dataset)
        self.num_samples = size // num_replicas if drop_last else -(-size // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        return iter(self.get_indices())

    def get_indices(self) -> list[int]:
        """Return the indices of this rank for the current epoch."""
        size = len(self.dataset)
        order = list(range(size))
        if self.shuffle:
            order = host_random.permutation(size, Generator().manual_seed(self.seed + self.epoch)).tolist()
        if size:
            order = order * -(-self.total_size // size)
        return order[self.rank : self.total_size : self.num_replicas]

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; without it every epoch has the same one."""
        self.epoch = epoch


def _of_process_group(question: str) -> int:
    try:
        from rustorch import distributed

        answer: Any = getattr(distributed, question)()
    except (ImportError, AttributeError, RusTorchError) as error:
        raise ArgumentError(
            "DistributedSampler: num_replicas and rank must be given where no process group is initialised"
        ) from error
    return int(answer)
