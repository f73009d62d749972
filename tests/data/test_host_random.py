import itertools
from collections import Counter

import numpy as np
import pytest

import rustorch
from rustorch.data import host_random
from rustorch.errors import ArgumentTypeError


def generator(seed):
    return rustorch.Generator().manual_seed(seed)


def test_known_answers():
    """The orders of seed 0, on every backend, machine and version of NumPy."""
    assert host_random.permutation(10, generator(0)).tolist() == PERMUTATION
    assert host_random.integers(100, 6, generator(0)).tolist() == INTEGERS
    assert host_random.seed_from(generator(0)) == SEED


PERMUTATION = [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
INTEGERS = [63, 26, 4, 1, 81, 91]
SEED = 2937467307694268567


def test_every_permutation_is_as_likely():
    g = generator(1)
    draws = 6000
    counts = Counter(tuple(host_random.permutation(3, g).tolist()) for _ in range(draws))
    assert set(counts) == set(itertools.permutations(range(3)))
    expected = draws / 6
    chi_squared = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_squared < 20.5  # 5 degrees of freedom, p = 0.001


def test_permutations_are_complete_and_different():
    g = generator(2)
    first, second = host_random.permutation(1000, g), host_random.permutation(1000, g)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert first.tolist() != second.tolist()
    assert host_random.permutation(0, g).tolist() == []


def test_equal_keys_are_ordered_by_position(monkeypatch):
    monkeypatch.setattr(host_random, "_words", lambda *_: np.array([5, 1, 5, 1, 5] * 20, np.uint64))
    order = host_random.permutation(100).tolist()
    assert order == [i for i in range(100) if i % 5 in (1, 3)] + [
        i for i in range(100) if i % 5 not in (1, 3)
    ]


def test_the_default_generator_is_used_and_moves():
    rustorch.manual_seed(3)
    a, b = host_random.uniform(4), host_random.uniform(4)
    rustorch.manual_seed(3)
    assert host_random.uniform(4).tolist() == a.tolist() != b.tolist()
    state = rustorch.get_rng_state()
    c = host_random.uniform(2).tolist()
    rustorch.set_rng_state(state)
    assert host_random.uniform(2).tolist() == c


def test_seeds_of_any_size_give_different_streams():
    seeds = [0, 1, 2**32, 2**32 + 1, 2**63, -1]
    assert len({tuple(host_random.permutation(20, generator(s)).tolist()) for s in seeds}) == len(seeds)


def test_weights_are_frequencies():
    weights = np.array([0.0, 1.0, 3.0, 0.0])
    drawn = host_random.weighted(weights, 4000, replacement=True, generator=generator(4))
    assert set(drawn.tolist()) == {1, 2}
    assert abs(np.mean(drawn == 2) - 0.75) < 0.03
    first = Counter(
        int(host_random.weighted(weights, 2, replacement=False, generator=g)[0])
        for g in [generator(5)]
        for _ in range(2000)
    )
    assert set(first) == {1, 2}
    assert abs(first[2] / 2000 - 0.75) < 0.04


def test_generators_are_checked():
    with pytest.raises(
        ArgumentTypeError, match=r"x: generator must be a rustorch.Generator or None, got int"
    ):
        host_random.checked_generator("x", 5)
