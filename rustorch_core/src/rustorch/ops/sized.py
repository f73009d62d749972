"""Ops whose result's size does not follow from their operands: the caller says it.

The gradient of a convolution is the example: several input sizes give one output size.  A kernel
reads the size from its destination, so it is no attribute of the kernel; a decomposition gets the
destination as first operands for the same reason, and derivative rules get ``size``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rustorch.base import allocate
from rustorch.ops.op import Op, common_device
from rustorch.tape import record, wants_grad


class Sized(Op):
    """An op called with ``size=``, the shape of its (first) result."""

    def __init__(self, name: str, rule: Callable[..., Any], **options: Any) -> None:
        super().__init__(name, rule, updates_out=True, **options)

    def __call__(self, *operands: Any, size: Any, **attrs: Any) -> Any:  # noqa: D102 - as in Op
        device = common_device(self.name, operands)
        specs = self.rule(*operands, size=size, **attrs)
        out: Any
        if specs.__class__ is tuple:
            out = allocate(specs[0], specs[1], device)
        else:
            out = tuple([allocate(shape, dtype, device) for shape, dtype in specs])
        device.kernels[self.name][operands[self.dispatch].dtype](out, *operands, **attrs)
        if self.records and wants_grad(operands):
            record(self, out, operands, {**attrs, "size": size})
        return out
