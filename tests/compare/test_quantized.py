"""Products of int8 beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch


@pytest.mark.parametrize(("n", "k", "m"), [(1, 1, 1), (17, 40, 9), (64, 130, 33)])
def test_int_mm(n: int, k: int, m: int) -> None:
    rng = np.random.default_rng(k)
    a, b = (rng.integers(-128, 128, shape, dtype=np.int8) for shape in [(n, k), (k, m)])
    mine = rustorch._int_mm(rustorch.tensor(a), rustorch.tensor(b))
    yours = torch._int_mm(torch.tensor(a), torch.tensor(b))
    assert mine.dtype is rustorch.int32
    np.testing.assert_array_equal(mine.numpy(), yours.numpy())
