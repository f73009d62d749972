"""Mode perf: each kernel's time beside another backend's."""

from __future__ import annotations

from typing import Any

import pytest

from rustorch.device import Device
from rustorch.dtypes import dtype_of
from rustorch.testing.conformance.engine import pairs
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.support import source_of
from rustorch.testing.conformance.timing import ALLOWED, compare, timed_calls

#: Other dtypes are timed only if they are named.
_USUAL = frozenset({"float32", "int64"})


def pytest_generate_tests(metafunc: Any) -> None:
    """Make a test of each kernel that both devices have; of no op that is decomposed."""
    session = metafunc.config.pluginmanager.get_plugin("rustorch-conformance")
    found = []
    if session and session.device and session.mode == "perf":
        named = session.selection.dtypes or _USUAL
        for op, dtype in pairs(session.device, session.selection):
            if dtype.name in named and source_of(op, dtype, session.device) == "native":
                marks = pytest.mark.conformance(op=op, dtype=dtype.name)
                found.append(pytest.param(op, dtype.name, marks=marks, id=f"{op}-{dtype.name}"))
    metafunc.parametrize(("op", "dtype"), found)


@pytest.mark.conformance(mode="perf")
def test_speed(
    op: str, dtype: str, device: Device, reference: Device, other: Device, quick: bool, grade: Recorder
) -> None:
    """A kernel takes no more than twice the time of the other backend's (eight times passes)."""
    for name, call in timed_calls(op, dtype_of(dtype), device, reference, quick=quick):
        with grade.case(op, dtype, name, check="speed"):
            ratio = compare(call, device, other, rounds=5 if quick else 15)
            grade.timed(
                ratio.value / ALLOWED,
                f"{ratio.value:.2f} times {other}: {1e6 * ratio.ours:.1f} us, {1e6 * ratio.theirs:.1f} us",
            )
