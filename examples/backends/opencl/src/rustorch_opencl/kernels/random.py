"""Random numbers: the bits that every backend gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from rustorch.plugins import Kernel
from rustorch_opencl.geometry import longs
from rustorch_opencl.mapping import View
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.rows import pointers
from rustorch_opencl.types import FLOATS, TYPES

DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24}  # of the significand


@cache
def _program(dtype: str) -> Program:
    t = TYPES[dtype]
    definitions = computing_in(dtype) | {"S": t.stored, "STORE": f"store_{t.tag}"}
    if dtype in DIGITS:
        definitions |= {"DIGITS": DIGITS[dtype], "PLACE": f"0x1p-{DIGITS[dtype]}"}
    else:
        definitions |= {"DOUBLE" if dtype == "float64" else "BITS": 1}
    return Program("random.cl", **definitions)


def _drawing(op: str, dtype: str) -> Callable[..., None]:
    per = 2 if dtype == "float64" else 4  # elements of a block of four words

    def kernel(out: View, state: View) -> None:
        count = out.shape.elements
        if count:
            runtime = out.storage.buffer.runtime
            found = _program(dtype).kernel(runtime, op)
            arguments = [*pointers(out, state), longs(count)]
            runtime.launch(found, (-(-count // per),), (runtime.group,), *arguments)

    return kernel


def kernels() -> list[Kernel]:
    """All of them; normal numbers are computed in float64, so a device without it decomposes them."""
    made = [("random_bits", "int32"), *[("random_uniform", dtype) for dtype in FLOATS]]
    made += [("random_normal", "float32"), ("random_normal", "float64")]
    return [Kernel(op, _drawing(op, dtype), frozenset({dtype})) for op, dtype in made]
