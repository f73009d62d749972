"""What there is to grade: the ops that kernels exist for, and the dtypes that each is defined for."""

from __future__ import annotations

from functools import cache
from typing import Any

from rustorch import dtypes
from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import FLOAT, INT, DType, dtype_of
from rustorch.errors import DTypeError
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance.calls import typed
from rustorch.testing.conformance.subject import suitable
from rustorch.testing.op_cases import all_op_cases

ORACLE = "reference"


def ops_to_grade() -> list[str]:
    """Return the names of all ops that reach kernels, primitives first."""
    return sorted(all_op_cases(), key=lambda op: (registry.ops[op].decomposition is not None, op))


def dtypes_to_grade(op: str, device: Device) -> list[DType]:
    """Return the dtypes that an op is defined for and that the device has."""
    return [d for d in defined_for(op) if d.name in device.info.dtypes]


def boot_ops() -> list[str]:
    """Return the ops that a new backend starts with, since nothing else can stand for them: the boot tier."""
    return [op for op in ops_to_grade() if registry.ops[op].decomposition is None]


@cache
def defined_for(op: str) -> tuple[DType, ...]:
    """Return the dtypes that an op is defined for: those of the oracle's kernel, if it has one.

    A decomposed op is defined for the categories of dtypes that it was seen with.
    """
    return tuple(d for d in _declared_for(op) if (op, d.name) not in _NEVER and _runs(op, d))


#: What the core never asks for: it sums and multiplies bools as int64, and counts in float32.
_NEVER = frozenset({("sum", "bool"), ("prod", "bool"), ("arange", "float16"), ("arange", "bfloat16")})


def _declared_for(op: str) -> tuple[DType, ...]:
    declared = registry.ops[op]
    offered = _offered(op)
    if isinstance(declared, Elementwise) and op.endswith(("_backward", "_loss")):
        return dtypes.FLOATING
    if isinstance(declared, Elementwise):
        return tuple(
            d
            for d in dtypes.ALL
            if d.category in declared.allowed
            and declared.result(d)[0] is d
            and (not offered or d.name in offered)
        )
    if offered:
        return tuple(d for d in dtypes.ALL if d.name in offered)
    if op == "index_select":
        return dtypes.ALL
    seen = {dtype_of(case.dtype).category for case in all_op_cases()[op]}
    return tuple(d for d in dtypes.ALL if d.category in seen & {INT, FLOAT})


def _runs(op: str, dtype: DType) -> bool:
    """Return whether the oracle can compute an op in a dtype: a decomposition may not be defined for it."""
    oracle = Device(ORACLE)
    for case in suitable(op, dtype)[:1]:
        call = typed(case, dtype, oracle)
        try:
            call.run(oracle, *call.on(oracle))
        except DTypeError:
            return False
    return True


def _offered(op: str) -> set[str]:
    table: Any = Device(ORACLE).kernels
    return {name for offer in table.offers.get(op, []) for name in offer.kernel.dtypes}
