"""All kernel sources that the CUDA backend can generate."""

from __future__ import annotations

from rustorch_cuda.kernels import elementwise, formulas, indexing, matmul, move, random, reduce
from rustorch_cuda.program import source
from rustorch_cuda.types import ALL, BOOL, FLOATS, INTEGERS, REAL


def sources() -> dict[str, dict[str, str]]:
    """Return op -> dtypes -> source."""
    found: dict[str, dict[str, str]] = {}
    for op, formula in formulas.FORMULAS.items():
        found[op] = {d: elementwise.text_of(formula, d) for d in formula.dtypes}
    for op in reduce.REDUCERS:
        found[op] = {d: reduce.text_of(op, d) for d in (ALL if op in ("sum", "prod") else REAL)}
    for op, lines in {"fill": move.fill_lines, "arange": move.arange_lines}.items():
        found[op] = {d: moving(lines(d)) for d in (ALL if op == "fill" else INTEGERS | FLOATS)}
    found["copy"] = {str(size): moving(move.copy_lines(size)) for size in (1, 2, 4, 8, 16)}
    found["cast"] = {f"{a} to {b}": moving(move.cast_lines(a, b)) for a in ALL for b in ALL}
    found["gather"] = {d: indexing.text_of("gather", d) for d in ALL}
    found["scatter"] = {f"{d} {m}": indexing.text_of("scatter", d, m) for d in ALL for m in ("set", "add")}
    found["scatter"] |= {f"{d} max": indexing.text_of("scatter", d, "max") for d in REAL}
    found["matmul"] = {d: matmul.integer_text(d) for d in BOOL | INTEGERS}
    for op, dtype in random.DRAWS:
        found.setdefault(op, {})[dtype] = random.text_of(op, dtype)
    return {op: dict(sorted(texts.items())) for op, texts in sorted(found.items())}


def moving(lines: str) -> str:
    """Return the whole source of a kernel that moves values."""
    return source("functions", "elementwise", lines=lines)
