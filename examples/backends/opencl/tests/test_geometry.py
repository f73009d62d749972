"""Merging dims: what kernels walk by."""

import struct

import numpy as np
import pytest

from rustorch_opencl.geometry import collapse, pieces
from rustorch_opencl.memory import size_class


def numbers(plan: bytes) -> list[int]:
    return list(struct.unpack(f"={len(plan) // 8}q", plan))


def test_neighbours_are_merged_where_all_operands_walk_evenly():
    assert collapse((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == ([24], [[1], [1]])
    assert collapse((2, 3, 4), [(12, 4, 1), (0, 4, 1)]) == ([2, 12], [[12, 1], [0, 1]])
    assert collapse((2, 1, 4), [(-4, 9, -1)]) == ([8], [[-1]])
    assert collapse((), [()]) == ([1], [[0]])


def test_a_launch_is_dense_where_nothing_is_left_out():
    (piece,) = pieces((3, 5), ((5, 1), (5, 1)), (0, 7))
    assert (piece.kernel, piece.count, numbers(piece.plan)) == ("dense", 15, [15, 0, 7])
    (piece,) = pieces((3, 5), ((5, 1), (0, 1)), (0, 0))
    assert piece.kernel == "strided2"
    assert pieces((4,), ((-1,),), (3,))[0].kernel == "strided1"


@pytest.mark.parametrize("ndim", [1, 3, 8, 9, 11])
def test_every_place_is_visited_once(ndim):
    shape = (2,) * ndim
    strides = tuple(2 * 3**d for d in range(ndim))  # no two neighbours merge
    seen = []
    for piece in pieces(shape, (strides,), (5,)):
        count, offset, *rest = numbers(piece.plan)
        rank = len(rest) // 2
        grid = np.indices(rest[:rank]).reshape(rank, -1)
        seen += list(offset + np.array(rest[rank:]) @ grid)
        assert count == piece.count == grid.shape[1]
    expected = 5 + np.array(strides) @ np.indices(shape).reshape(ndim, -1)
    assert sorted(seen) == sorted(expected)


def test_blocks_come_in_few_sizes():
    assert [size_class(n) for n in (0, 1, 512, 513)] == [512, 512, 512, 1024]
    for n in (10_000, 123_456_789):
        assert n <= size_class(n) <= n * 9 / 8 + 512
        assert size_class(size_class(n)) == size_class(n)
