"""Indexing against NumPy, by Hypothesis; views share memory, copies do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rustorch

SHAPE = (4, 3, 5)


def part(size: int) -> st.SearchStrategy:
    integers = st.integers(-size, size - 1)
    slices = st.builds(slice, st.none() | integers, st.none() | integers, st.none() | st.integers(1, 3))
    return integers | slices


def index() -> st.SearchStrategy:
    basic = st.tuples(*(part(s) for s in SHAPE))
    with_more = st.tuples(part(4), st.none(), st.just(Ellipsis), part(5))
    lists = st.tuples(st.lists(st.integers(-4, 3), min_size=1, max_size=4), part(3))
    pair = st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(-4, 3), min_size=n, max_size=n),
            st.just(slice(None)),
            st.lists(st.integers(-5, 4), min_size=n, max_size=n),
        )
    )
    last = st.tuples(st.just(Ellipsis), st.lists(st.integers(-5, 4), min_size=1, max_size=3))
    return basic | with_more | lists | pair | last | part(4)


def for_tensors(found: object) -> object:
    def one(p: object) -> object:
        return rustorch.tensor(p, dtype="int64") if isinstance(p, list) else p

    return tuple(map(one, found)) if isinstance(found, tuple) else one(found)


@settings(max_examples=300)
@given(index())
def test_reading(found: object) -> None:
    array = np.arange(60.0, dtype=np.float32).reshape(SHAPE)
    x = rustorch.tensor(array)
    np.testing.assert_array_equal(x[for_tensors(found)].to_numpy(), array[found])


@settings(max_examples=300)
@given(index(), st.booleans())
def test_writing(found: object, scalar: bool) -> None:
    array = np.arange(60.0, dtype=np.float32).reshape(SHAPE)
    x = rustorch.tensor(array)
    # equal values, since which of two writes to one place wins is undefined
    value = 7.0 if scalar else np.full(array[found].shape, 7.0, np.float32)
    array[found] = value
    x[for_tensors(found)] = value if scalar else rustorch.tensor(value)
    np.testing.assert_array_equal(x.to_numpy(), array)


@given(st.lists(st.booleans(), min_size=12, max_size=12))
def test_masks(bits: list[bool]) -> None:
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    mask = np.array(bits).reshape(3, 4)
    x, m = rustorch.tensor(array), rustorch.tensor(mask)
    np.testing.assert_array_equal(x[m].to_numpy(), array[mask])
    rows = mask[:, 0]
    np.testing.assert_array_equal(x[rustorch.tensor(rows)].to_numpy(), array[rows])
    x[m] = -1.0
    array[mask] = -1.0
    np.testing.assert_array_equal(x.to_numpy(), array)


def test_assigning_different_values_by_index() -> None:
    x = rustorch.zeros(3, 4)
    x[[2, 0], 1:3] = rustorch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.tolist() == [[0, 3, 4, 0], [0, 0, 0, 0], [0, 1, 2, 0]]


def test_basic_indexing_is_a_view() -> None:
    x = rustorch.zeros(3, 4)
    x[1, ::2].fill_(1)
    assert x.tolist()[1] == [1, 0, 1, 0]
    assert x[1].data_ptr() == x.data_ptr() + 16


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        (7, IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
        ((0, -5), IndexError, "index -5 is out of bounds for dimension 1 with size 4"),
        ((0, 0, 0), IndexError, "a tensor of 2 dims cannot take 3 indices"),
        ("x", TypeError, "expected integers, slices"),
        (1.5, TypeError, "expected integers, slices"),
        (slice(None, None, -1), ValueError, "a slice's step must be positive"),
        ([0, 3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ((Ellipsis, Ellipsis), TypeError, "only one ellipsis"),
    ],
)
def test_bad_indices(bad: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as found:
        rustorch.zeros(3, 4)[bad]
    assert isinstance(found.value, rustorch.RusTorchError)


def test_a_mask_of_the_wrong_shape() -> None:
    with pytest.raises(
        IndexError, match=r"the mask's shape must equal the dims that it covers, got \(4,\) for \(3,\)"
    ):
        rustorch.zeros(3, 4)[rustorch.ones(4, dtype="bool")]


def test_complex_numbers_have_no_larger_one() -> None:
    x, index = rustorch.ones(2, 3, dtype="complex64"), rustorch.zeros(2, 3, dtype="int64")
    with pytest.raises(
        rustorch.DTypeError, match="scatter_reduce: complex numbers have no order, got complex64"
    ):
        x.scatter_reduce(1, index, x, "amax")
