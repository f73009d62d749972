"""Swapping hardware: values survive the way to the device and back, and a model goes on training elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rustorch import dtypes
from rustorch.device import Device
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.bits import bits
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.training import TASKS, allowed_curve, train

pytestmark = pytest.mark.conformance(op="swapping")


def _forms(x: Any) -> dict[str, Any]:
    """Return views of a (6, 8) tensor of every kind."""
    return {
        "whole": x,
        "transposed": x.t(),
        "sliced": x[1:5:2, 3:],
        "flipped": x.flip(0, 1),
        "expanded": x[:1].expand(4, 8),
        "empty": x[:0],
        "0-d": x[2, 3],
    }


def test_round_trips(device: Device, reference: Device, grade: Recorder) -> None:
    """Every dtype and view arrives with its bits, and comes back with them."""
    for dtype in (d for d in dtypes.ALL if d.name in device.info.dtypes):
        values = np.random.default_rng(3).integers(0, 2 if dtype.name == "bool" else 100, (6, 8))
        x = tensor(values, device=reference).to(dtype)
        there = x.to(device)
        for form, view in _forms(x).items():
            with grade.case("swapping", dtype.name, form):
                moved, back = view.to(device), _forms(there)[form].to(reference)
                if moved.device is not device or back.device is not reference:
                    grade.wrong(
                        f"expected devices {device} and {reference}, got {moved.device} and {back.device}"
                    )
                elif not bits(view) == bits(moved) == bits(back):
                    grade.wrong("other bits arrive than were sent")


def test_special_values(device: Device, reference: Device) -> None:
    """NaN, infinities, -0.0 and denormals are copied with their bits."""
    words = np.array(
        [0x7FC00001, 0xFFC12345, 0x7F800000, 0xFF800000, 0x80000000, 1, 0x807FFFFF, 0x00800000], np.uint32
    )
    x = tensor(words.view(np.float32), device=reference)
    if not bits(x) == bits(x.to(device)) == bits(x.to(device).to(reference)):
        pytest.fail("a special value was changed by a copy")


@pytest.mark.parametrize("name", TASKS)
def test_training_goes_on_elsewhere(name: str, device: Device, reference: Device, grade: Recorder) -> None:
    """A model that moves in the middle of training, with its optimizer, loses what one that stays loses."""
    with grade.case("swapping", "float32", name):
        stayed, allowed = allowed_curve(name, reference)
        moved = train(TASKS[name](), device, visits={5: reference, 9: device, 14: reference})
        apart = np.abs(moved - stayed)
        if (apart > allowed).any():
            step = int(np.argmax(apart - allowed))
            grade.wrong(f"loss {step} is {moved[step]:.7g}, that of the run that stayed {stayed[step]:.7g}")
