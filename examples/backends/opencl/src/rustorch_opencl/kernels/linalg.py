"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from math import prod
from operator import mul

from rustorch.plugins import Kernel
from rustorch_opencl.geometry import collapse, longs, padded
from rustorch_opencl.kernels.reduce import accumulator
from rustorch_opencl.mapping import View
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.types import ALL, TYPES

RANK = 4  # batch dims of a plan
SIDE, M_TILE = 8, 32  # as in matmul.cl


def _computed(dtype: str) -> tuple[str, int]:
    """Return the type that sums are made in, and how many of them are a vector.

    At most 32 bytes: on wider ones PoCL's compiler crashes for some processors with AVX-512 (Zen 4).
    """
    wide = "uint" if dtype == "bool" else accumulator("sum", dtype).computed
    return wide, 4 if wide in ("double", "long", "ulong") else 8


@cache
def _program(dtype: str) -> Program:
    t = TYPES[dtype]
    wide, lanes = _computed(dtype)
    definitions = {
        "STORE(p, i, value)": f"store_{t.tag}(p, i, {'(value) != 0' if dtype == 'bool' else 'value'})",
        "LOAD": f"load_{t.tag}",
        "VSTORE": f"vstore{lanes}",
        "LANES": lanes,
    }
    return Program(
        "matmul.cl", **computing_in(dtype), **definitions, A=wide, V=f"{wide}{lanes}", S=t.stored, RANK=RANK
    )


def matmul(dtype: str) -> Callable[..., None]:
    """Return the kernel of one dtype, for any strides."""
    n_tile = SIDE * _computed(dtype)[1]

    def kernel(out: View, a: View, b: View) -> None:
        if not out.shape.elements:
            return
        views = (out, a, b)
        sizes, steps = collapse(out.shape[:-2], [v.strides[:-2] for v in views])
        (m, n), k = out.shape[-2:], a.shape[-1]
        matrices = [stride for v in views for stride in v.strides[-2:]]
        runtime = out.storage.buffer.runtime
        program = _program(dtype).kernel(runtime, "matmul")
        size = (-(-n // n_tile) * SIDE, -(-m // M_TILE) * SIDE, prod(sizes[-RANK:]))
        # batch dims beyond RANK, which are rare, are launched one by one
        for place in product(*map(range, sizes[:-RANK])):
            starts = [v.offset + sum(map(mul, place, step)) for v, step in zip(views, steps, strict=True)]
            plan = [m, n, k, *starts, *matrices, *padded(sizes[-RANK:], 1, RANK)]
            for step in steps:
                plan += padded(step[-RANK:], 0, RANK)
            memory = [v.storage.buffer.memory for v in views]
            runtime.launch(program, size, (SIDE, SIDE, 1), *memory, longs(*plan))

    return kernel


def kernels() -> list[Kernel]:
    """One for each dtype; of bools: whether any pair is true."""
    return [Kernel("matmul", matmul(dtype), frozenset({dtype}), layout="strided") for dtype in ALL]
