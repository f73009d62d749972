"""Training: a perceptron, a convolutional network and a transformer follow the reference's loss curve."""

from __future__ import annotations

import numpy as np
import pytest

from rustorch.device import Device
from rustorch.testing.conformance.bits import bits
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.training import TASKS, allowed_curve, train


@pytest.mark.conformance(op="training", dtype="float32")
@pytest.mark.parametrize("name", TASKS)
def test_loss_curve(name: str, device: Device, reference: Device, grade: Recorder) -> None:
    """Every loss is as near to the reference's as runs from rounded starting points are to each other."""
    with grade.case("training", "float32", name):
        expected, allowed = allowed_curve(name, reference)
        found = train(TASKS[name](), device)
        if not np.isfinite(found).all():
            grade.wrong(f"the losses are not finite: {found}")
            return
        budgets = float((np.abs(found - expected) / allowed).max())
        step = int(np.argmax(np.abs(found - expected) / allowed))
        grade.measured(
            budgets,
            message=f"loss {step} is {found[step]:.7g}, expected {expected[step]:.7g} +- {allowed[step]:.1e}",
        )


@pytest.mark.conformance(op="training", dtype="float32")
@pytest.mark.parametrize("name", TASKS)
def test_repeated(name: str, device: Device) -> None:
    """Two runs from the same seed give the same losses and parameters to the bit."""
    first, second = TASKS[name](), TASKS[name]()
    losses = [train(task, device) for task in (first, second)]
    same = all(bits(p) == bits(q) for p, q in zip(first.parameters(), second.parameters(), strict=True))
    if not (np.array_equal(losses[0], losses[1]) and same):
        pytest.fail("the second run differs from the first")
