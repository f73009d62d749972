"""Reductions: a block, a thread, or several blocks per result, always in the same order."""

from __future__ import annotations

from typing import Any

from rustorch.plugins import Kernel
from rustorch_cuda.geometry import Space, merged, packed
from rustorch_cuda.program import Driver, Program, source
from rustorch_cuda.types import ALL, REAL, STORAGE

#: op -> the reducer of source/reduce.cuh, given the storage type.
REDUCERS = {
    "sum": "Sum<{0}>",
    "prod": "Prod<{0}>",
    "amax": "Extreme<{0}, true, false>",
    "amin": "Extreme<{0}, false, false>",
    "argmax": "Extreme<{0}, true, true>",
    "argmin": "Extreme<{0}, false, true>",
}
#: Up to this many elements per result a thread is quicker than a block, whose threads would idle.
_FEW = 32
#: Bytes of the largest partial result: two doubles.
_STATE = 16
#: A thread sums at most so many elements in float64, where no wider type takes the rounding.
_LONGEST_LINE = 1024


def build(driver: Driver) -> list[Kernel]:
    """Return the kernels of all reducers."""
    return [
        Kernel(op, _kernel(driver, op), ALL if op in ("sum", "prod") else REAL, layout="strided")
        for op in REDUCERS
    ]


def text_of(op: str, dtype: str) -> str:
    """Return the source of a reducer's kernels for one dtype."""
    storage = STORAGE[dtype]
    f = REDUCERS[op].format(storage)
    lines = "\n".join(
        f'extern "C" __global__ void {name}_form(const Args<2> kept, const Args<1> reduced)'
        f" {{ {name}<{storage}, {f}>(kept, reduced); }}"
        for name in ("reduce", "reduce_serially", "join_parts")
    )
    return source("functions", "reduce", lines=lines)


def _kernel(driver: Driver, op: str) -> Any:
    programs: dict[str, Program] = {}

    def kernel(out: Any, x: Any, *, dim: int | tuple[int, ...]) -> None:
        dtype = x.dtype.name
        program = programs.get(dtype)
        if program is None:
            program = programs[dtype] = Program(driver, text_of(op, dtype))
        _reduce(driver, program, out, x, (dim,) if isinstance(dim, int) else dim)

    kernel.__name__ = op
    return kernel


def _reduce(driver: Driver, program: Program, out: Any, x: Any, dims: tuple[int, ...]) -> None:
    others = [d for d in range(len(x.shape)) if d not in dims]
    kept = merged([x.shape[d] for d in others], [[v.strides[d] for d in others] for v in (out, x)])
    reduced = merged([x.shape[d] for d in dims], [[x.strides[d] for d in dims]])
    if kept.count == 0:
        return
    if _serial(driver, kept, reduced, x.dtype.name):
        args = _arguments(kept, reduced, out, x)
        program.launch("reduce_serially_form", kept.count, *args)
        return
    parts = _parts(driver, kept.count, reduced.count)
    scratch = driver.scratch(kept.count * parts * _STATE) if parts > 1 else None
    args = _arguments(kept, reduced, out, x, scratch.address if scratch else 0, parts)
    program.launch_blocks("reduce_form", (min(kept.count, 2**31 - 1), parts), *args)
    if scratch:
        program.launch("join_parts_form", kept.count, *args)


def _arguments(
    kept: Space, reduced: Space, out: Any, x: Any, scratch: int = 0, parts: int = 1
) -> tuple[Any, Any]:
    return packed(kept, [out.address, x.address], wholes=[parts]), packed(reduced, [scratch])


def _serial(driver: Driver, kept: Space, reduced: Space, dtype: str) -> bool:
    """Return whether one thread per result is the better way."""
    if reduced.count <= _FEW:
        return True
    if dtype in ("float64", "complex128") and reduced.count > _LONGEST_LINE:
        return False
    across = bool(kept.sizes) and kept.steps[1][-1] == 1  # neighbours in memory are neighbours among results
    return across and kept.count >= driver.threads * driver.processors


def _parts(driver: Driver, results: int, elements: int) -> int:
    """Return into how many blocks each result is split, so that few results still fill the device."""
    wanted = -(-4 * driver.processors // results)
    useful = elements // (8 * driver.threads)
    return max(1, min(wanted, useful, 1024))
