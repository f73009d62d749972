"""Every op in every dtype: samples, layouts, sizes, special numbers, large operands, refusals, drawn cases."""

from __future__ import annotations

from typing import Any

import pytest

from rustorch.device import Device
from rustorch.dtypes import dtype_of
from rustorch.testing.conformance.engine import grade_op, pairs
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


def pytest_generate_tests(metafunc: Any) -> None:
    """Make a test of each op and dtype that the device has."""
    session = metafunc.config.pluginmanager.get_plugin("rustorch-conformance")
    found = pairs(session.device, session.selection) if session and session.device else ()
    metafunc.parametrize(
        ("op", "dtype"),
        [
            pytest.param(
                op,
                dtype.name,
                marks=pytest.mark.conformance(op=op, dtype=dtype.name),
                id=f"{op}-{dtype.name}",
            )
            for op, dtype in found
        ],
    )


@pytest.mark.conformance(boot=True)
def test_op(
    op: str, dtype: str, device: Device, reference: Device, selection: Selection, grade: Recorder
) -> None:
    """An op in a dtype is right within its budget, in every case."""
    grade_op(op, dtype_of(dtype), device, reference, selection, grade)
