"""Elementwise kernels: made of the core's declarations and one formula each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from rustorch.plugins import Kernel, declared_ops
from rustorch_opencl.formulas import ERRORS, FORMULAS
from rustorch_opencl.mapping import View, map_program, operand, run
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.types import LIMITS, TYPES, packed


def kernels() -> list[Kernel]:
    """Return one kernel for every declared op and dtype that has a formula."""
    found = []
    for name, op in declared_ops().items():
        if not hasattr(op, "signatures"):
            continue
        for dtype, result in op.signatures().items():
            if dtype in TYPES and _has_formula(name, dtype):
                fn = _kernel(name, dtype, result, op.operands, op.attributes)
                found.append(Kernel(name, fn, frozenset({dtype}), layout="strided"))
    return found


def _has_formula(name: str, dtype: str) -> bool:
    return any(key.partition("/")[0] == name for key in FORMULAS[TYPES[dtype].kind])


def _kernel(
    name: str, dtype: str, result: str, operands: tuple[str, ...], attributes: tuple[str, ...]
) -> Callable[..., None]:
    error = ERRORS.get(name) if TYPES[dtype].kind == "integer" else None

    @cache
    def program(choice: str) -> Program:
        numbers = [] if choice else [f"const T {a}" for a in attributes]
        return _program(name + choice, dtype, result, operands, numbers)

    def kernel(out: View, *inputs: View, **attrs: Any) -> None:
        words = [value for value in attrs.values() if isinstance(value, str)]
        scalars = [] if words else [_number(a, attrs[a], dtype) for a in attributes]
        views = [operand(out), *map(operand, inputs)]
        if error:
            scalars += views[0].block.runtime.error(ZeroDivisionError, error)
        run(program("".join(f"/{word}" for word in words)), out.shape, views, *scalars)

    return kernel


def _program(key: str, dtype: str, result: str, operands: tuple[str, ...], numbers: list[str]) -> Program:
    t, r = TYPES[dtype], TYPES[result]
    formula = FORMULAS[t.kind][key]
    if "status" in formula:
        numbers = [*numbers, "volatile global int *status", "const int code"]
    loads = [f"T {x} = load_{t.tag}(p{k}, at[{k}]);" for k, x in enumerate(operands, 1)]
    return map_program(
        f"{' '.join(loads)} store_{r.tag}(p0, at[0], {formula});",
        [r.stored, *[t.stored] * len(operands)],
        numbers,
        "formulas.cl",
        **computing_in(dtype),
    )


def _number(attribute: str, value: Any, dtype: str) -> bytes:
    """Return an attribute as an argument; a limit that is None limits nothing."""
    if value is None:
        value = LIMITS[dtype][("min", "max").index(attribute)]
    return packed(value, dtype)
