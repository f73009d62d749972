"""The suite is tested by kernels that are wrong: it must see each of them, and nothing where nothing is."""

import contextlib

import pytest
import suite
from wrong_kernels import WRONG_KERNELS

CONCERNED = sorted({(wrong.backend, wrong.op) for wrong in WRONG_KERNELS})


def test_there_are_enough():
    assert len(WRONG_KERNELS) >= 25
    assert len({wrong.name for wrong in WRONG_KERNELS}) == len(WRONG_KERNELS)
    assert all(wrong.what and wrong.like for wrong in WRONG_KERNELS)


@pytest.mark.parametrize(("backend", "op"), CONCERNED, ids=lambda value: value)
def test_right_kernels_pass(backend, op):
    _, wrong = suite.usual(backend, op)
    assert not wrong, [f"{outcome.id}: {outcome.message}" for outcome in wrong]


@pytest.mark.parametrize("wrong", WRONG_KERNELS, ids=lambda wrong: f"{wrong.op}-{wrong.name}")
def test_wrong_kernels_are_caught(wrong):
    with contextlib.closing(suite.complaints(wrong)) as found:
        complaint = next(found, None)
    assert complaint is not None, f"{wrong.op}: {wrong.what}"
    assert complaint.op in {wrong.op, wrong.op.removesuffix("_backward")}
    assert complaint.message
