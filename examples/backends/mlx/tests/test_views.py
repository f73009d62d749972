"""Functional arrays behind views that are written in place."""

from __future__ import annotations

import pytest

import rustorch

DEVICE = "mlx"


def test_a_view_that_is_written_changes_its_base():
    x = rustorch.zeros(3, 4, device=DEVICE)
    x[1] = 5  # in order, in the midst of the buffer
    x.t()[::3, :2].add_(1)  # strided
    assert x.tolist() == [[1, 0, 0, 1], [6, 5, 5, 6], [0, 0, 0, 0]]


def test_a_copy_does_not_follow_its_original():
    x = rustorch.ones(4, device=DEVICE)
    y = x.clone()
    x.add_(1)
    assert (x.tolist(), y.tolist()) == ([2, 2, 2, 2], [1, 1, 1, 1])


def test_bytes_are_read_as_another_dtype():
    x = rustorch.tensor([1.0, -2.0], device=DEVICE)
    assert x.view(rustorch.int32).tolist() == [0x3F800000, -0x40000000]
    x.view(rustorch.int32)[1] = 0
    assert x.tolist() == [1, 0]


def test_smallest_integer_by_minus_one():
    x = rustorch.tensor([-(2**31), -7], dtype=rustorch.int32, device=DEVICE)
    assert (x // -1).tolist() == [-(2**31), 7]  # would end the process in MLX
    assert (x % -1).tolist() == [0, 0]
    with pytest.raises(ZeroDivisionError, match="floor_divide: integer division by zero"):
        x // 0
