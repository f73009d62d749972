"""Conversions between all pairs of dtypes, to the bit: truncated, wrapped, or rounded to nearest even."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rustorch import dtypes
from rustorch.device import Device
from rustorch.dtypes import BOOL, COMPLEX, FLOAT, INT, DType
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


def _numbers(source: DType, target: DType) -> Any:
    """Return numbers of the source that the target can hold at least when rounded."""
    rng = np.random.default_rng(7)
    if source.category == BOOL:
        return rng.random(50) < 0.5
    if source.category == INT:
        limits = np.iinfo(source.numpy)
        edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1]
        return np.concatenate(
            [np.array(edges, source.numpy), rng.integers(limits.min, limits.max, 60, source.numpy)]
        )
    low, high = (0, 120) if target.name == "uint8" else (-120, 120)
    halves = np.arange(low, high) + 0.5
    near = 1 + np.array([2.0**-8, 2.0**-8 + 2.0**-20, 2.0**-9, 3 * 2.0**-9, 2.0**-12, 3 * 2.0**-12, 2.0**-24])
    values = np.concatenate([halves, near, rng.uniform(low, high, 100)])
    if target.category >= FLOAT:
        special = [np.nan, np.inf, -np.inf, -0.0, 0.0, 65504.0, 65519.9, 65520.0, 1e-7, 6e-8, 3e-8]
        values = np.concatenate([values, special, rng.standard_normal(50) * 1e-5])
    if source.category == COMPLEX:
        values = values + 1j * rng.uniform(-2, 2, values.size)
    with np.errstate(all="ignore"):
        return values.astype(source.numpy)


@pytest.mark.conformance(op="cast")
def test_all_pairs(device: Device, reference: Device, grade: Recorder, selection: Selection) -> None:
    """The bits are those of the reference, for numbers between the target's as well."""
    held = [d for d in dtypes.ALL if d.name in device.info.dtypes]
    for source in (d for d in held if selection.has("cast", d.name)):
        for target in held:
            with grade.case("cast", source.name, f"to {target.name}"):
                x = tensor(_numbers(source, target), dtype=source, device=reference)
                found, right = (np.array(x.to(d).to(target).numpy(force=True)) for d in (device, reference))
                same = (found == right) | (np.isnan(found) & np.isnan(right))
                if not same.all():
                    place = int(np.argmin(same))
                    grade.wrong(
                        f"{x.numpy(force=True)[place]} as {target.name}: expected {right[place]}, got {found[place]}"
                    )
