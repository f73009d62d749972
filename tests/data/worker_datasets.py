"""Datasets and functions that worker processes can import."""

import os
import random
import signal
import sys
import time

import numpy as np

import rustorch
from rustorch.data import Dataset, IterableDataset, default_collate, get_worker_info

#: larger than what stays in the message, so it goes through shared memory
LARGE = (64, 128)


class Images(Dataset):
    """Sample i is an array full of i, and i."""

    def __init__(self, count=20, shape=LARGE):
        self.count = count
        self.shape = shape

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return np.full(self.shape, index, np.float32), index


class Misbehaving(Images):
    """Does something to the worker at index 3."""

    def __init__(self, what, count=20):
        super().__init__(count)
        self.what = what

    def __getitem__(self, index):
        if index == 3:
            getattr(self, self.what)()
        return super().__getitem__(index)

    def value_error(self):
        raise ValueError("no such picture")

    def key_error(self):
        raise KeyError("a key")

    def needs_two(self):
        raise NeedsTwoError(1, 2)

    def local(self):
        class LocalError(Exception):
            pass

        raise LocalError("from inside")

    def rustorch_error(self):
        rustorch.zeros(2) + rustorch.zeros(3)

    def stop(self):
        raise StopIteration

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self):
        sys.exit(3)

    def hang(self):
        time.sleep(600)


class NeedsTwoError(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


class Numbers(IterableDataset):
    """0 to count - 1, shared out among workers unless `shared` is False."""

    def __init__(self, count, shared=True):
        self.count = count
        self.shared = shared

    def __iter__(self):
        info = get_worker_info()
        if info is None or not self.shared:
            return iter(range(self.count))
        return iter(range(info.id, self.count, info.num_workers))

    def __len__(self):
        return self.count


class Uneven(IterableDataset):
    """Worker w has w * 5 + 1 samples."""

    def __iter__(self):
        me = get_worker_info().id
        return iter([100 * me + i for i in range(me * 5 + 1)])


class Draws(Dataset):
    """What the generators of a worker give, its number, and its seed."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        info = get_worker_info()
        return {
            "rustorch": float(rustorch.data.host_random.uniform(1)[0]),
            "random": random.random(),
            "numpy": np.random.rand(),  # noqa: NPY002
            "worker": info.id,
            "seed": info.seed,
            "count": info.num_workers,
            "same": info.dataset is self,
        }


class Everything(Dataset):
    """Samples of many kinds."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return {
            "half": rustorch.full(LARGE, float(index), dtype=rustorch.bfloat16),
            "double": rustorch.full(LARGE, float(index), dtype=rustorch.float64),
            "bool": np.ones(LARGE, bool),
            "empty": np.zeros((0, 3), np.int8),
            "text": "x" * 100_000,
            "number": index,
            "pair": (1.5, np.int16(index)),
        }


class WithGradient(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return rustorch.ones(2, requires_grad=True) * 2


class Counter(Images):
    """Holds what can only be handed over while a process starts."""

    def __init__(self, counter):
        super().__init__(8)
        self.counter = counter

    def __getitem__(self, index):
        with self.counter.get_lock():
            self.counter.value += 1
        return super().__getitem__(index)


class Slow(Images):
    def __getitem__(self, index):
        time.sleep(0.02)
        return super().__getitem__(index)


class WhichProcess(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return os.getpid(), str(rustorch.get_default_device()), rustorch.get_default_dtype().name


def only_numbers(batch):
    return [y for _, y in batch]


def rows(batch):
    x, y = default_collate(batch)
    return x[:, 0, 0], y


def failing_init(number):
    raise OSError(f"worker {number} cannot open its file")


def seeding_init(number):
    np.random.seed(number)  # noqa: NPY002


def failing_collate(_batch):
    raise TypeError("cannot make a batch")


class Apply:
    def __init__(self, transform):
        self.transform = transform

    def __call__(self, samples):
        return rustorch.stack([self.transform(s) for s in samples])


def long_text(_batch):
    return "x" * 1_000_000
