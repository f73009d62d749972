"""Choosing elements by a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase, allocate
from rustorch.errors import ArgumentError, DTypeError
from rustorch.ops.elementwise import constant, elementwise, prepared, promoted
from rustorch.ops.op import Op, gather_scalars
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, mask
from rustorch.shape import broadcast_shapes
from rustorch.tape import record, wants_grad

if TYPE_CHECKING:
    from rustorch.tensor import Tensor


def _where_rule(condition: Any, input: Any, other: Any) -> Any:
    return broadcast_shapes("where", condition.shape, input.shape, other.shape), input.dtype


where_op = Op("where", _where_rule, dispatch=1, doc="Choose by a condition.")


def _where_vjp(g: Any, _out: Any, condition: Any, _a: Any, _b: Any) -> Any:
    return where(condition, g, 0)


def _other_vjp(g: Any, _out: Any, condition: Any, _a: Any, _b: Any) -> Any:
    return where(condition, 0, g)


where_op.vjp(None, _where_vjp, _other_vjp)


@public(
    method=False,
    samples=lambda: [
        call(mask(3, 4), array(3, 4), array(3, 4)),
        call(mask(3, 1), array(4), array(2, 1, 1)),
        call(mask(), array(), array(2)),
        call(mask(0, 2), array(0, 2), array(0, 2)),
    ],
)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return `input` where `condition` is True, else `other`; all three broadcast.

    With the condition alone: the indices where it is True, as ``nonzero(as_tuple=True)``.

    Args:
        condition: a bool tensor.
        input: a tensor or number.
        other: a tensor or number.
    """
    if condition.dtype is not dtypes.bool_:
        raise DTypeError(
            f"where: the condition must be bool, got {condition.dtype.name}", hint="write x != 0"
        )
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if input is None or other is None:
        raise ArgumentError("where: give both input and other, or neither")
    dtype = promoted("where", (input, other))
    values = [x for x in (condition, input, other) if isinstance(x, TensorBase)]
    device, moved = gather_scalars("where", values)
    rest = iter(moved[1:])
    operands = [moved[0]]
    operands += [
        next(rest) if isinstance(x, TensorBase) else constant(x, dtype, device) for x in (input, other)
    ]
    shape = broadcast_shapes("where", *(x.shape for x in operands))
    ready = [prepared(x, x.dtype if i == 0 else dtype, shape) for i, x in enumerate(operands)]
    result = allocate(shape, dtype, device)
    device.kernels["where"][dtype](result, *ready)
    if wants_grad(operands):
        record(where_op, result, operands, {})
    return result


@public(
    samples=lambda: [
        call(array(3, 4), mask(3, 4), 1.5),
        call(array(2, 3), mask(3), -1.0),
        call(array(), mask(), 2.0),
    ]
)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return `input` with `value` (a number or 0-d tensor) where `mask` is True; `mask` broadcasts."""
    if isinstance(value, TensorBase):
        if value.shape:
            raise ArgumentError(
                f"masked_fill: value must be a number or 0-d tensor, got shape {tuple(value.shape)}"
            )
        value = value.to(input.dtype)
    elif dtypes.scalar_dtype(value).category > input.dtype.category:
        raise DTypeError(f"masked_fill: {value!r} cannot be stored in a {input.dtype.name} tensor")
    return where(mask, value, input)


@elementwise(hidden=True)
def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Return x limited to [min, max]."""
    if min is not None:
        input = input.maximum(min)
    return input if max is None else input.minimum(max)


def _clamp_vjp(g: Any, _out: Any, x: Any, *, min: Any, max: Any) -> Any:
    if min is not None:
        g = where(x >= min, g, 0)
    return g if max is None else where(x <= max, g, 0)


clamp_.vjp(_clamp_vjp)


@public(
    aliases=("clip",),
    samples=lambda: [
        call(array(3, 4, distinct=True), -0.5, 1.0),
        call(array(7, distinct=True), min=0.25),
        call(array(distinct=True), max=0.25),
        call(array(3, 4, distinct=True), array(4, low=-1.5, high=-1.0), array(3, 1, low=0.5, high=1.0)),
    ],
)
def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Return each element limited to [min, max].

    Args:
        input: a tensor of any shape.
        min: a number, a tensor that broadcasts, or None for no lower limit.
        max: likewise.
        out: receives the result.
    """
    if min is None and max is None:
        raise ArgumentError("clamp: give min, max or both")
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        result = input if min is None else input.maximum(min)
        result = result if max is None else result.minimum(max)
        return result if out is None else out.copy_(result)
    # a float limit makes integers floats, as in PyTorch
    limits = tuple(x for x in (min, max) if x is not None)
    if input.dtype.category != dtypes.FLOAT or not all(isinstance(x, (int, float)) for x in limits):
        input = input.to(promoted("clamp", (input, *limits)))
    result = clamp_(input, min=min, max=max)
    return result if out is None else out.copy_(result)
