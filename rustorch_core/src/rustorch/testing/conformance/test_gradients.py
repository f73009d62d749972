"""Derivatives of every function: each set of operands that require one, and differentiated again."""

from __future__ import annotations

from typing import Any

import pytest

from rustorch.device import Device
from rustorch.dtypes import dtype_of
from rustorch.testing.conformance.derivatives import grade_derivatives, gradient_pairs
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


def pytest_generate_tests(metafunc: Any) -> None:
    """Make a test of each function and dtype that the device has."""
    session = metafunc.config.pluginmanager.get_plugin("rustorch-conformance")
    found = gradient_pairs(session.device, session.selection) if session and session.device else ()
    metafunc.parametrize(
        ("function", "dtype"),
        [
            pytest.param(f, d.name, marks=pytest.mark.conformance(op=f, dtype=d.name), id=f"{f}-{d.name}")
            for f, d in found
        ],
    )


@pytest.mark.conformance(mode="grad")
def test_derivatives(
    function: str, dtype: str, device: Device, reference: Device, selection: Selection, grade: Recorder
) -> None:
    """The gradients of a function, and theirs, are right whichever operands require one."""
    grade_derivatives(function, dtype_of(dtype), device, reference, selection, grade)
