"""Length: errors must not grow with the number of elements."""

from __future__ import annotations

import math

import numpy as np
import pytest

import rustorch
from rustorch.device import Device
from rustorch.testing.conformance.recorder import Recorder

_MANY = 2**20


@pytest.mark.conformance(op="sum", dtype="float32")
@pytest.mark.parametrize("shape", [(_MANY,), (3, _MANY // 4), (_MANY // 4, 3)])
def test_long_sums(shape: tuple[int, ...], device: Device, grade: Recorder) -> None:
    """A sum of many equal numbers, whose roundings do not cancel, is as good as one added pairwise."""
    dim = int(np.argmax(shape))
    with grade.case("sum", "float32", f"shape {shape}"):
        found = np.array(rustorch.full(shape, 0.1, device=device).sum(dim).numpy(force=True)).astype(
            np.float64
        )
        right = float(np.float32(0.1)) * shape[dim]
        allowed = 2.0**-23 * (2 + math.log2(shape[dim])) / 2 * right
        budgets = float(np.abs(found - right).max()) / allowed
        grade.measured(budgets, 0.0, f"expected {right:.9g}, got {found.reshape(-1)[0]:.9g}")


@pytest.mark.conformance(op="arange", dtype="float32")
@pytest.mark.parametrize("count", [1000, 100_000])
def test_long_ranges(count: int, device: Device, grade: Recorder) -> None:
    """Element i is start + i * step, and not the one before it plus step."""
    with grade.case("arange", "float32", f"{count} elements"):
        found = np.array(rustorch.arange(0.5, 0.5 + 0.1 * count, 0.1, device=device).numpy(force=True))
        right = 0.5 + np.arange(found.size) * 0.1
        ulps = np.abs(found - right) / np.spacing(right.astype(np.float32))
        place = int(np.argmax(ulps))
        message = f"element {place}: expected {right[place]:.9g}, got {found[place]:.9g}"
        grade.measured(float(ulps[place]) / 2, float(ulps[place]), message)
