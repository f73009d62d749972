"""One call of one op, as data: made for a dtype, run on a device under test and on the oracle.

The operands' values are exactly representable in the dtype under test, so that the oracle, which
computes in float64, starts from the same numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.base import allocate
from rustorch.device import Device
from rustorch.dtypes import BOOL, COMPLEX, FLOAT, INT, DType, dtype_of
from rustorch.ops.optimizer import hyper_dtype
from rustorch.shape import Shape
from rustorch.tensor.host import to_numpy
from rustorch.testing.conformance.numerics import Array, rounded
from rustorch.testing.op_cases import Layout, OpCase, dispatch_dtype, holds_settings, laid_out

#: Ops whose integer divisor must not be zero.
_DIVIDING = frozenset({"floor_divide", "remainder"})


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """An operand or result.  `data` says whether it has the dtype under test (and not that of an index)."""

    shape: tuple[int, ...]
    dtype: DType
    data: bool
    values: Array | None = None  # None for a mere result


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call: what a kernel is given."""

    op: str
    operands: tuple[Operand | None, ...]
    outs: tuple[Operand | None, ...]
    several: bool
    attrs: dict[str, Any]

    def on(
        self, device: Device, layouts: Sequence[Layout] = (), out_layout: Layout = "contiguous"
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return fresh (out, inputs) on a device, input i in layout i (the last one given serves for the rest)."""
        inputs = []
        for i, x in enumerate(self.operands):
            layout = layouts[min(i, len(layouts) - 1)] if layouts else "contiguous"
            inputs.append(None if x is None else _placed(x, device, layout))
        outs = tuple(None if o is None else _placed(o, device, out_layout) for o in self.outs)
        return (outs if self.several else outs[0]), tuple(inputs)

    def run(self, device: Device, out: Any, inputs: tuple[Any, ...]) -> None:
        """Call the kernel, or what stands for it, on a device."""
        device.kernels[self.op][dispatch_dtype(self.op, out, inputs)](out, *inputs, **self.attrs)

    def results(
        self, device: Device, layouts: Sequence[Layout] = (), out_layout: Layout = "contiguous"
    ) -> list[Array | None]:
        """Run it on a device and return its results as wide arrays."""
        out, inputs = self.on(device, layouts, out_layout)
        self.run(device, out, inputs)
        return [None if o is None else read(o) for o in (out if self.several else (out,))]

    def map(self, change: Any) -> Call:
        """Return the call with ``change(operand)`` in place of each operand and each result that has values."""
        operands = tuple(None if x is None else change(x) for x in self.operands)
        outs = tuple(o if o is None or o.values is None else change(o) for o in self.outs)
        return replace(self, operands=operands, outs=outs)

    def widened(self) -> Call:
        """Return the same call in float64 or complex128."""
        operands = tuple(None if x is None else _wide(x) for x in self.operands)
        return replace(
            self, operands=operands, outs=tuple(None if o is None else _wide(o) for o in self.outs)
        )


def _wide(x: Operand) -> Operand:
    if x.dtype.category < FLOAT:
        return x
    return replace(x, dtype=dtypes.complex128 if x.dtype.is_complex else dtypes.float64)


def _placed(x: Operand, device: Device, layout: Layout) -> Any:
    if x.values is None:
        if layout == "contiguous":
            return allocate(Shape(x.shape), x.dtype, device)
        return laid_out(np.zeros(x.shape), x.dtype, device, layout)
    return laid_out(x.values, x.dtype, device, layout)


def read(x: Any) -> Array:
    """Return a tensor's elements: float64 or complex128 where it is floating point, else as they are."""
    found: Array = np.array(to_numpy(x, force=True))
    if x.dtype.category >= FLOAT:
        return found.astype(np.complex128 if x.dtype.is_complex else np.float64)
    return found


# -- from harvested cases ----------------------------------------------------------------------------


def typed(case: OpCase, dtype: DType, device: Device) -> Call:
    """Return a harvested case as a call in a dtype.

    Args:
        case: the case, seen with some dtype.
        dtype: what its floating-point operands become; all operands of its dtype, if it has only integers.
        device: decides what settings are kept in: float64, or float32 where it has none.
    """
    floats = dtype_of(case.dtype).category >= FLOAT
    rng = np.random.default_rng(zlib.crc32(f"{case.name} {dtype.name}".encode()))

    def operand(x: Any, position: int) -> Operand | None:
        if x is None:
            return None
        shown = dtype_of(x.dtype)
        if holds_settings(case.op, position, len(case.operands)):
            kept = hyper_dtype(device)
            return Operand(x.shape, kept, False, rounded(x.values, kept))
        data = x.floating if floats else x.dtype == case.dtype
        if not data:
            return Operand(x.shape, shown, False, x.values)
        divisor = case.op in _DIVIDING and position == 1
        values = None if x.values is None else converted(x.values, dtype, rng, nonzero=divisor)
        return Operand(x.shape, dtype, True, values)

    operands = tuple(operand(x, i) for i, x in enumerate(case.operands))
    outs = tuple(operand(o, -1) for o in case.outs)
    return Call(case.op, operands, outs, case.several, _attributes(case, dtype))


def _attributes(case: OpCase, dtype: DType) -> dict[str, Any]:
    """Return attributes that the dtype can hold, so that every device starts from the same numbers."""

    def held(value: Any) -> Any:
        if not isinstance(value, float) or dtype.category == COMPLEX:
            return value
        return float(rounded(np.array(value), dtype)) if dtype.category == FLOAT else int(value)

    return {name: held(value) for name, value in case.attrs.items()}


def converted(values: Array, dtype: DType, rng: np.random.Generator, *, nonzero: bool = False) -> Array:
    """Return values like these that a dtype holds exactly."""
    if dtype.category == BOOL:
        return np.asarray(values) > 0
    if dtype.category == INT:
        return _integers(values, dtype, nonzero=nonzero)
    if dtype.category == COMPLEX and not np.iscomplexobj(values):
        values = values + 1j * rng.uniform(-2, 2, np.shape(values))
    return rounded(values, dtype)


def _integers(values: Array, dtype: DType, *, nonzero: bool) -> Array:
    whole = np.rint(values * 3) if values.dtype.kind == "f" else values.astype(np.int64)
    limits = np.iinfo(dtype.numpy)
    if limits.min == 0:
        whole = np.abs(whole)
    found = np.clip(whole, limits.min, limits.max).astype(dtype.numpy)
    if nonzero:
        found = np.where(found == 0, dtype.numpy.type(3), found)
    return np.asarray(found)
