from collections import Counter

import pytest

import rustorch
from rustorch.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from rustorch.errors import ArgumentError, ArgumentTypeError


def generator(seed=0):
    return rustorch.Generator().manual_seed(seed)


def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    assert len(SequentialSampler("abc")) == 3


def test_random_permutes():
    sampler = RandomSampler(range(50), generator=generator())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert list(RandomSampler(range(50), generator=generator())) == first
    assert len(sampler) == 50


def test_random_follows_manual_seed():
    rustorch.manual_seed(1)
    a = list(RandomSampler(range(20))), list(RandomSampler(range(20), replacement=True))
    rustorch.manual_seed(1)
    assert a == (list(RandomSampler(range(20))), list(RandomSampler(range(20), replacement=True)))


def test_random_with_a_number_of_samples():
    assert len(set(RandomSampler(range(50), num_samples=7, generator=generator()))) == 7
    more = list(RandomSampler(range(4), num_samples=10, generator=generator()))
    assert sorted(more[:4]) == sorted(more[4:8]) == [0, 1, 2, 3]
    assert len(more) == 10
    drawn = Counter(RandomSampler(range(3), replacement=True, num_samples=3000, generator=generator()))
    assert set(drawn) == {0, 1, 2}
    assert all(abs(n - 1000) < 120 for n in drawn.values())


def test_draws_with_replacement_are_apart_from_the_callers():
    rustorch.manual_seed(1)
    expected = list(RandomSampler(range(9), replacement=True, num_samples=100))
    rustorch.manual_seed(1)
    got = []
    for i in RandomSampler(range(9), replacement=True, num_samples=100):
        rustorch.default_generator.take(1)
        got.append(i)
    assert got == expected


def test_subset_random():
    sampler = SubsetRandomSampler([3, 5, 7], generator=generator())
    assert sorted(sampler) == [3, 5, 7]
    assert len(sampler) == 3


def test_weighted():
    drawn = list(WeightedRandomSampler([0, 1, 3], 400, generator=generator()))
    assert set(drawn) == {1, 2}
    assert drawn.count(2) > drawn.count(1)
    once = list(WeightedRandomSampler(rustorch.tensor([0.1, 0.0, 5.0]), 2, replacement=False))
    assert sorted(once) == [0, 2]
    assert len(WeightedRandomSampler([1.0], 5)) == 5


def test_batches():
    assert list(BatchSampler(range(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(BatchSampler(SequentialSampler(range(5)), 2, drop_last=False)) == [[0, 1], [2, 3], [4]]
    assert [len(BatchSampler(range(n), 2, d)) for n in (4, 5) for d in (False, True)] == [2, 2, 3, 2]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "ranks"), [(10, 3), (9, 3), (2, 5), (1, 4)])
def test_distributed_shares_everything(size, ranks, drop_last):
    samplers = [DistributedSampler(range(size), ranks, r, drop_last=drop_last, seed=3) for r in range(ranks)]
    shares = [list(s) for s in samplers]
    assert len({len(s) for s in shares}) == 1
    assert [len(s) for s in samplers] == [len(s) for s in shares]
    drawn = [i for share in shares for i in share]
    if drop_last:
        assert len(drawn) == len(set(drawn)) == size // ranks * ranks
    else:
        assert set(drawn) == set(range(size))


def test_distributed_epochs():
    sampler = DistributedSampler(20, num_replicas=2, rank=0)
    first = list(sampler)
    assert list(sampler) == first == sampler.get_indices()
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(DistributedSampler(range(5), 2, 1, shuffle=False)) == [1, 3, 0]


def test_refusals():
    with pytest.raises(ArgumentError, match="num_samples should be a positive integer value, got 0"):
        RandomSampler([])
    with pytest.raises(ArgumentTypeError, match="replacement should be a boolean value, got 1"):
        RandomSampler([1], replacement=1)
    with pytest.raises(ArgumentTypeError, match=r"generator must be a rustorch\.Generator"):
        RandomSampler([1], generator=3)
    for size in (0, -1, True, 2.0, "2"):
        with pytest.raises(ArgumentError, match="BatchSampler: batch_size should be a positive integer"):
            BatchSampler([1], size, drop_last=False)
    with pytest.raises(ArgumentTypeError, match="drop_last should be a boolean"):
        BatchSampler([1], 1, drop_last=0)
    with pytest.raises(ArgumentError, match="1d sequence, got shape"):
        WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(ArgumentError, match="not negative and not all zero"):
        WeightedRandomSampler([0.0, -1.0], 1)
    with pytest.raises(ArgumentError, match="must not exceed the number of positive weights, 1, got 2"):
        WeightedRandomSampler([0.0, 1.0], 2, replacement=False)
    with pytest.raises(ArgumentTypeError, match="weights must be numbers"):
        WeightedRandomSampler(["a"], 1)
    with pytest.raises(ArgumentError, match=r"rank must be in the interval \[0, 1\], got 2"):
        DistributedSampler([1], 2, 2)
    with pytest.raises(ArgumentError, match="num_replicas must be positive"):
        DistributedSampler([1], 0, 0)
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(Sampler())
