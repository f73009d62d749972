"""Random numbers, defined by bits: see ``csrc/isa/random.c``."""

from __future__ import annotations

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.kernels.operands import address
from rustorch_cpu.native import ffi, lib


def _seed_and_offset(state) -> tuple[int, int]:
    pair = ffi.cast("uint64_t *", address(state))
    return pair[0], pair[1]


def random_bits(out, state) -> None:
    """32 random bits per element."""
    lib.rt_random_bits(address(out), out.shape.elements, *_seed_and_offset(state))


def random_uniform(out, state) -> None:
    """Uniform in [0, 1)."""
    lib.rt_random_uniform(
        DTYPES[out.dtype.name][0], address(out), out.shape.elements, *_seed_and_offset(state)
    )


def random_normal(out, state) -> None:
    """Standard normal."""
    lib.rt_random_normal(
        DTYPES[out.dtype.name][0], address(out), out.shape.elements, *_seed_and_offset(state)
    )


def kernels() -> list[Kernel]:
    """All of them."""
    return [
        Kernel("random_bits", random_bits, frozenset({"int32"})),
        Kernel("random_uniform", random_uniform, REAL | {"float16", "bfloat16"}),
        Kernel("random_normal", random_normal, REAL),
    ]
