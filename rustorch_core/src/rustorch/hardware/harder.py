"""Calls made harder: what the samples of an op are too tame to show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from rustorch.dispatch import registry
from rustorch.dtypes import COMPLEX, FLOAT, INT, DType
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance.budgets import class_of
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.numerics import finfo_of
from rustorch.testing.conformance.values import moderate, special

#: More elements than an index of 16 bits counts, and no multiple of a vector's length.
_MANY = (1 << 16) + 5
#: Longer than the blocks of scans and sorts.
_LONG = 2053
#: Ops for which numbers at the ends of the range have no meaning: counts of bits.
_SHIFTS = frozenset({"bitwise_left_shift", "bitwise_right_shift"})
#: Ops that work element by element and are not declared as such.
_LIKE_ELEMENTWISE = frozenset({"copy", "cast", "where"})
#: Reductions of nothing that have a result.
_OF_NOTHING = frozenset({"sum", "prod"})
#: Classes of ops whose intermediate results do not overflow before the result does.
_DIRECT = frozenset({"exact", "rounded", "close", "function", "hard function"})


def harder(call: Call, dtype: DType, *, large: bool) -> Iterator[tuple[str, Call]]:
    """Yield (what is hard, call): special numbers, NaN, many elements.

    Only for ops that need no further care: elementwise ones, and those of a single operand.

    Args:
        call: a call of the op.
        dtype: that it is made for.
        large: whether calls with many elements are wanted.
    """
    operands = [x for x in call.operands if x is not None]
    if len(operands) != len(call.operands) or not operands or call.op.endswith("_backward"):
        return
    if any(o is not None and o.values is not None for o in call.outs):  # it changes its results
        return
    if any(x.values is None or not x.values.size or x.shape != operands[0].shape for x in operands):
        return
    if isinstance(registry.ops[call.op], Elementwise) or call.op in _LIKE_ELEMENTWISE:
        if large:
            yield "many elements", _with_operands(call, [np.resize(x.values, _MANY) for x in operands])  # type: ignore[arg-type] # checked above
        if dtype.category < COMPLEX and call.op not in _SHIFTS:
            yield "special numbers", _with_operands(call, _grid(call, operands, dtype))
    elif len(operands) == 1 and operands[0].data:
        yield from _of_one_operand(call, operands[0], dtype, large=large)


def _of_one_operand(call: Call, x: Operand, dtype: DType, *, large: bool) -> Iterator[tuple[str, Call]]:
    if dtype.category == FLOAT:
        yield "large numbers", call.map(lambda x: replace(x, values=x.values * 300))
        yield "a NaN", call.map(_with_nan)
    outs = [o for o in call.outs if o is not None]
    if (
        large
        and x.shape
        and all(len(o.shape) == len(x.shape) and o.shape[-1] in (1, x.shape[-1]) for o in outs)
    ):
        if any(o.shape[-1] == 1 for o in outs) and x.shape[-1] == 1:
            return  # whether the last dim is reduced cannot be told
        yield "many elements", _longer(call, x)
        if call.op in _OF_NOTHING and outs[0].shape[-1] == 1:
            nothing = replace(x, shape=(*x.shape[:-1], 0), values=np.empty((*x.shape[:-1], 0)))
            yield "no elements", replace(call, operands=(nothing,))


def _with_operands(call: Call, values: list[np.ndarray[Any, Any]]) -> Call:
    shape = values[0].shape
    operands = tuple(
        x if x is None else replace(x, shape=shape, values=v)
        for x, v in zip(call.operands, values, strict=True)
    )
    return replace(call, operands=operands, outs=tuple(o and replace(o, shape=shape) for o in call.outs))


def _grid(call: Call, operands: list[Operand], dtype: DType) -> list[np.ndarray[Any, Any]]:
    """Return operands in which every special number stands beside every other one."""
    numbers = special(dtype) if class_of(call) in _DIRECT else moderate(dtype)
    if dtype.category == FLOAT:  # a device may take subnormal numbers for zero
        numbers = numbers[~(np.abs(numbers) < finfo_of(dtype.name).smallest_normal) | (numbers == 0)]
        numbers = np.concatenate([numbers, [-900.0, 900.0]])  # far enough to overflow exp
    if any(o is not None and o.dtype.category < dtype.category for o in call.outs) and call.op == "cast":
        numbers = numbers[(numbers >= 0) & (numbers < 100)]  # what every dtype holds
    axes = [numbers if x.data else np.array([True, False]) for x in operands]
    grid = [axis.reshape(-1) for axis in np.meshgrid(*axes, indexing="ij")]
    if dtype.category == INT and call.op in ("floor_divide", "remainder"):
        grid[1] = np.where(grid[1] == 0, grid[1].dtype.type(1), grid[1])
    if dtype.category == INT and call.op == "pow":
        grid[1] = np.clip(grid[1], -3 if grid[1].dtype.kind == "i" else 0, 9).astype(grid[1].dtype)
    return grid


def _with_nan(x: Operand) -> Operand:
    values = np.array(x.values)
    values.reshape(-1)[-1] = np.nan
    return replace(x, values=values)


def _longer(call: Call, x: Operand) -> Call:
    """Return the call with a longer last dim; small numbers, so that products stay finite."""
    rows = x.shape[:-1]
    values: Any = np.resize(x.values, (*rows, _LONG))  # type: ignore[arg-type] # operands have values
    if values.dtype.kind == "f":
        values = np.sign(values) * np.minimum(np.abs(values), 1.0)
    outs = tuple(o and replace(o, shape=(*o.shape[:-1], 1 if o.shape[-1] == 1 else _LONG)) for o in call.outs)
    return replace(call, operands=(replace(x, shape=values.shape, values=values),), outs=outs)
