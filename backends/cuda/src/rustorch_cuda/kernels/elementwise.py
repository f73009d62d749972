"""Generated elementwise kernels: per op and dtype a source with a dense and two strided forms."""

from __future__ import annotations

from typing import Any

from rustorch.plugins import Kernel
from rustorch_cuda.failures import code_of
from rustorch_cuda.geometry import merged, packed, packed_dense
from rustorch_cuda.kernels.formulas import FORMULAS, Formula, numbers_of
from rustorch_cuda.program import Driver, Program, source
from rustorch_cuda.types import INTEGERS, STORAGE

_LETTERS = "abc"
#: From this many elements on, places no longer fit the 32 bits that the quicker strided form counts with.
_LARGE = 2**31


def build(driver: Driver) -> list[Kernel]:
    """Return the kernels of all formulas, and the floor of integers, which is a copy."""
    found = [
        Kernel(op, _kernel(driver, op, formula), formula.dtypes, layout="strided")
        for op, formula in FORMULAS.items()
    ]
    integral = Formula(1, "a", INTEGERS)
    return [*found, Kernel("floor", _kernel(driver, "floor", integral), INTEGERS, layout="strided")]


def text_of(formula: Formula, dtype: str) -> str:
    """Return the source of a formula's kernels for one dtype."""
    out = STORAGE[formula.result or dtype]
    types = [STORAGE[(formula.first or dtype) if i == 0 else dtype] for i in range(formula.operands)]
    return source("functions", "elementwise", lines=lines_of(out, types, formula.expression))


def lines_of(out: str, types: list[str], expression: str) -> str:
    """Return the definition of the three kernels of a formula on operands of these storage types."""
    k = len(types) + 1
    letters = _LETTERS[: len(types)]
    generic = ", ".join(f"class {x.upper()}" for x in letters)
    arguments = ", ".join(f"{x.upper()} {x}" for x in letters)
    operands = ", ".join(types)
    return f"""\
struct F {{
    template <{generic}> static __device__ inline auto of(const Args<{k}> &r, {arguments}) {{
        const double n0 = r.number[0];
        (void)n0;
        return {expression};
    }}
}};
extern "C" __global__ void dense_form(const Args<{k}> r) {{ dense<{out}, F, {k}, {operands}>(r); }}
extern "C" __global__ void strided_form(const Args<{k}> r) {{ strided<{out}, F, {k}, u32, {operands}>(r); }}
extern "C" __global__ void large_form(const Args<{k}> r) {{ strided<{out}, F, {k}, u64, {operands}>(r); }}
"""


def _kernel(driver: Driver, op: str, formula: Formula) -> Any:
    programs: dict[str, Program] = {}
    code = code_of(op)

    def kernel(out: Any, *inputs: Any, **attributes: Any) -> None:
        dtype = inputs[-1].dtype.name
        program = programs.get(dtype)
        if program is None:
            program = programs[dtype] = Program(driver, text_of(formula, dtype))
        run(
            driver,
            program,
            out,
            inputs,
            numbers=numbers_of(formula, attributes),
            code=code if dtype in INTEGERS else 0,
        )

    kernel.__name__ = op
    return kernel


def run(
    driver: Driver,
    program: Program,
    out: Any,
    inputs: tuple[Any, ...],
    *,
    numbers: list[float] | None = None,
    wholes: tuple[int, ...] = (),
    code: int = 0,
) -> None:
    """Launch the form that fits the operands' layouts; `code` is that of the op's error, 0 without one."""
    count = out.shape.elements
    if count == 0:
        return
    operands = (out, *inputs)
    data = [x.address for x in operands]
    more: dict[str, Any] = {"numbers": numbers or (), "wholes": (code,) if code else wholes}
    if code:
        more["failure"] = driver.failure()
    if all(x.dense >= 0 for x in operands):
        program.launch("dense_form", count, packed_dense(count, data, **more))
        return
    space = merged(out.shape, [x.strides for x in operands])
    name = "strided_form" if count < _LARGE else "large_form"
    program.launch(name, count, packed(space, data, **more))
