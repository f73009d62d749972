"""What a backend has: who runs each op in each dtype, without running any."""

from __future__ import annotations

from typing import Any

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import DType
from rustorch.testing.conformance.subjects import dtypes_to_grade, ops_to_grade


def source_of(op: str, dtype: DType, device: Device) -> str:
    """Return "native", "decomposed" or "missing"."""
    table: Any = device.kernels
    if table.chain(registry.ops[op], dtype)[0] is not None:
        return "native"
    return "missing" if registry.ops[op].decomposition is None else "decomposed"


def support(device: Device) -> dict[str, dict[str, str]]:
    """Return what runs each op in each dtype that it is defined for: {op: {dtype: source}}."""
    return {
        op: {dtype.name: source_of(op, dtype, device) for dtype in dtypes_to_grade(op, device)}
        for op in ops_to_grade()
    }
