"""Kernels: those of the reference backend, submitted to the current stream instead of run.

Every second one wants contiguous operands, so that the core's copies are needed as often as not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rustorch.plugins import Kernel
from rustorch_loopback import faults
from rustorch_loopback.blocks import block_at
from rustorch_reference.kernels import KERNELS as REFERENCE


class View:
    """An operand as it was at the time of the call, in memory that does not trap."""

    __slots__ = ("dtype", "offset", "shape", "storage", "strides")

    def __init__(self, x: Any) -> None:
        self.storage = block_at(x.storage.buffer)
        self.offset = x.offset
        self.shape = x.shape
        self.strides = x.strides
        self.dtype = x.dtype


def seen(operand: Any) -> Any:
    """Return an operand, a tuple of them, or None as the device sees it."""
    if operand is None:
        return None
    return tuple(map(seen, operand)) if isinstance(operand, tuple) else View(operand)


def submitted(fn: Callable[..., None]) -> Callable[..., None]:
    """Return a kernel that hands `fn` to the current stream.

    `fn` gets views whose ``storage.buffer`` is a NumPy array of bytes, as on the reference backend.
    """

    def launch(out: Any, *inputs: Any, **attrs: Any) -> None:
        for name, value in attrs.items():
            if hasattr(value, "storage"):  # a worker that reads it would wait for itself
                raise RuntimeError(
                    f"loopback: the attribute {name!r} of a kernel is a tensor, {value.dtype.name}"
                )
        results = seen(out)
        work = partial(fn, results, *map(seen, inputs), **attrs)
        first = results if not isinstance(results, tuple) else next(r for r in results if r is not None)
        runtime = first.storage.runtime
        runtime.check()
        if faults.active and faults.kernel_loses(runtime.name):
            runtime.lose("so it was planned")
        else:
            runtime.current_stream().submit(work)

    return launch


def _kernels() -> list[Kernel]:
    found = sorted(REFERENCE, key=lambda kernel: kernel.op)
    contiguous = {kernel.op for kernel in found[::2]} - {"copy"}  # which makes operands contiguous
    return [
        replace(
            kernel, fn=submitted(kernel.fn), layout="contiguous" if kernel.op in contiguous else "strided"
        )
        for kernel in found
    ]


KERNELS = _kernels()
copy = next(kernel.fn for kernel in KERNELS if kernel.op == "copy")
