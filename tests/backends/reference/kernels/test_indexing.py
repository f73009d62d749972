import math

import numpy as np
import pytest

from rustorch_reference.dtypes import ALL, FLOATS, NUMPY

SHAPES = [  # (operand, index, dim)
    ((5,), (7,), 0),
    ((2, 3), (2, 4), 1),
    ((3, 2), (4, 2), 0),
    ((3, 4, 2), (2, 5, 1), 1),  # index smaller than the operand in the other dims
    ((2, 3), (2, 0), 1),
    ((0, 3), (0, 2), 1),
]


def numbers(shape, dtype="float32"):
    return (np.arange(math.prod(shape)).reshape(shape) % 100).astype(NUMPY[dtype])


def some_index(shape, size):
    """Return indices that cover the range, with repeats."""
    return (np.arange(math.prod(shape)) * 7 % 5 % max(size, 1)).reshape(shape).astype(np.int64)


def there(position, index, dim):
    """Return the place that index[position] names."""
    return (*position[:dim], index[position], *position[dim + 1 :])


@pytest.mark.parametrize("dtype", sorted(ALL))
@pytest.mark.parametrize(("shape", "index_shape", "dim"), SHAPES)
def test_gather(call, same, shape, index_shape, dim, dtype):
    x, index = numbers(shape, dtype), some_index(index_shape, shape[dim])
    expected = np.zeros(index_shape, NUMPY[dtype])
    for position in np.ndindex(index_shape):
        expected[position] = x[there(position, index, dim)]
    same(call("gather", x, index, shape=index_shape, dim=dim), expected)


def combined(mode, old, new):
    return {"set": lambda: new, "add": lambda: old + new, "max": lambda: max(old, new)}[mode]()


@pytest.mark.parametrize("dtype", sorted(ALL - {"bool"}))
@pytest.mark.parametrize(("shape", "index_shape", "dim"), SHAPES)
@pytest.mark.parametrize("mode", ["set", "add", "max"])
def test_scatter(call, same, rounded, mode, shape, index_shape, dim, dtype):
    if mode == "max" and dtype.startswith("complex"):
        return
    before, index, src = numbers(shape) % 3, some_index(index_shape, shape[dim]), numbers(index_shape)
    expected = before.astype(int)
    for position in np.ndindex(index_shape):
        place = there(position, index, dim)
        expected[place] = combined(mode, expected[place], int(src[position]))
    got = call(
        "scatter", index, src.astype(NUMPY[dtype]), out=before.astype(NUMPY[dtype]), dim=dim, mode=mode
    )
    same(got, rounded(expected.ravel().tolist(), dtype).reshape(shape))


@pytest.mark.parametrize(("mode", "expected"), [("set", [1, 0]), ("add", [1, 1]), ("max", [1, 1])])
def test_scatter_of_bool(call, mode, expected):
    before, index, src = np.array([0, 1], bool), np.array([0, 1]), np.array([1, 0], bool)
    assert call("scatter", index, src, out=before, dim=0, mode=mode).tolist() == expected


def test_scatter_uses_the_leading_part_of_a_larger_source(call):
    src, index = np.arange(6.0).reshape(2, 3), np.array([[2, 0]])
    got = call("scatter", index, src, out=np.full((2, 3), 9.0), dim=1, mode="set")
    assert got.tolist() == [[1.0, 9.0, 0.0], [9.0, 9.0, 9.0]]


@pytest.mark.parametrize("dtype", sorted(FLOATS))
def test_scatter_add_is_rounded_once(call_contiguous, rounded, same, dtype):
    src = rounded([0.1] * 3000, dtype)
    index = np.zeros(3000, np.int64)
    got = call_contiguous("scatter", index, src, out=np.zeros(2, NUMPY[dtype]), dim=0, mode="add")
    expected = rounded([math.fsum(src.astype(float).tolist()), 0.0], dtype)
    same(got, expected, ulps=3000 if dtype == "float64" else 0)


def test_scatter_max_propagates_nan(call, same):
    got = call(
        "scatter",
        np.array([0, 1]),
        np.array([math.nan, 1.0]),
        out=np.array([1.0, math.nan]),
        dim=0,
        mode="max",
    )
    same(got, np.array([math.nan, math.nan]))


@pytest.mark.parametrize("wrong", [7, 5, -1, 2**62, -(2**63)])
def test_an_index_out_of_range_raises_and_writes_nothing(call_contiguous, view_of, wrong):
    from rustorch_reference.kernels.indexing import scatter

    x, index = np.zeros((2, 5)), np.array([[0, wrong, 1]])
    text = f"index {wrong} is out of bounds for dimension 1 with size 5"
    with pytest.raises(IndexError, match=text):
        call_contiguous("gather", x, index, shape=(1, 3), dim=1)
    out = view_of(x)
    for mode in ["set", "add", "max"]:
        with pytest.raises(IndexError, match=text):
            scatter(out, view_of(index), view_of(np.ones((1, 3))), dim=1, mode=mode)
    assert not out.storage.buffer.any()


def test_a_dim_of_size_zero_has_no_index(call_contiguous):
    with pytest.raises(IndexError, match="index 0 is out of bounds for dimension 0 with size 0"):
        call_contiguous("gather", np.zeros(0), np.array([0]), shape=(1,), dim=0)


def test_scalars_count_as_one_element(call, same):
    x, index = np.array(3.0), np.array(0)
    same(call("gather", x, index, dim=0), x)
    for mode, expected in [("set", 2.0), ("add", 5.0), ("max", 3.0)]:
        same(call("scatter", index, np.array(2.0), out=x, dim=0, mode=mode), np.array(expected))
