"""Conversions between all pairs of dtypes, to the bit: truncated, wrapped, or rounded to nearest even."""

from __future__ import annotations

import numpy as np
import pytest

from rustorch import dtypes
from rustorch.device import Device
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.values import castable


@pytest.mark.conformance(op="cast")
def test_all_pairs(device: Device, reference: Device, grade: Recorder, selection: Selection) -> None:
    """The bits are those of the reference, for numbers between the target's as well."""
    held = [d for d in dtypes.ALL if d.name in device.info.dtypes]
    for source in (d for d in held if selection.has("cast", d.name)):
        for target in held:
            with grade.case("cast", source.name, f"to {target.name}"):
                x = tensor(castable(source, target), dtype=source, device=reference)
                found, right = (np.array(x.to(d).to(target).numpy(force=True)) for d in (device, reference))
                same = (found == right) | (np.isnan(found) & np.isnan(right))
                if not same.all():
                    place = int(np.argmin(same))
                    grade.wrong(
                        f"{x.numpy(force=True)[place]} as {target.name}: expected {right[place]}, got {found[place]}"
                    )
