"""Operands of any strides, and memory shared with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch

DEVICE = "torch:cpu"


def test_negative_strides_are_read_and_written():
    array = np.arange(12).reshape(3, 4)
    with rustorch.device(DEVICE):
        x = rustorch.from_numpy(array[::-1])
    x[:2, ::3].add_(100)
    assert array.tolist() == [[0, 1, 2, 3], [104, 5, 6, 107], [108, 9, 10, 111]]
    assert x.sum(1).tolist() == [238, 222, 6]


def test_a_numpy_array_shares_its_memory():
    array = np.arange(6, dtype=np.float32)[::-1]
    with rustorch.device(DEVICE):
        x = rustorch.from_numpy(array)
    x.mul_(2)
    assert array.tolist() == [10, 8, 6, 4, 2, 0]
    x.numpy()[0] = 7
    assert x[0].item() == 7


def test_too_much_memory_is_refused_and_nothing_is_counted():
    before = rustorch.memory_stats(DEVICE)
    with pytest.raises(
        rustorch.OutOfMemoryError, match="torch:cpu: cannot allocate 4611686018427387904 bytes"
    ):
        rustorch.empty(2**60, device=DEVICE)
    assert rustorch.memory_stats(DEVICE) == before


def test_smallest_integer_by_minus_one():
    x = rustorch.tensor([-(2**63), -7], device=DEVICE)
    assert (x // -1).tolist() == [-(2**63), 7]  # would end the process in PyTorch
    assert (x % -1).tolist() == [0, 0]
    with pytest.raises(ZeroDivisionError, match="remainder: integer division by zero"):
        x % 0
