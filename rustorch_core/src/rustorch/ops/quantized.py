"""Products of int8 numbers, and the affine map that is made of them.

A row of numbers is quantized by one positive scale s: q = round(x / s) in [-127, 127], ties to even, where
s = max|x| / 127.  Then |x - s q| <= s / 2.  All of it is computed in float32, whatever the dtype, so that
every backend rounds the same way.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rustorch import dtypes
from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, DTypeError, ShapeError
from rustorch.ops.linalg import matmul
from rustorch.ops.movement import transpose
from rustorch.ops.op import Op
from rustorch.ops.public import public
from rustorch.ops.samples import array, call, small_integers
from rustorch.ops.select import where
from rustorch.shape import Shape

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

#: The largest magnitude of a quantized number: -128 is not used, so that the range is symmetric.
LARGEST = 127
#: As many products of quantized numbers have a sum that int32 holds.
MOST_INPUTS = (2**31 - 1) // LARGEST**2


def _require_tensors(name: str, **operands: Any) -> None:
    for operand, x in operands.items():
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: {operand} must be a tensor, got {type(x).__name__}")


def _int_mm_rule(a: Any, b: Any) -> tuple[Shape, dtypes.DType]:
    if a.dtype is not dtypes.int8 or b.dtype is not dtypes.int8:
        raise DTypeError(
            f"int_mm: int8 matrices are required, got {a.dtype.name} and {b.dtype.name}",
            hint="matmul multiplies other dtypes",
        )
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[0]:
        raise ShapeError(
            f"int_mm: matrices (n, k) and (k, m) are required, got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    return Shape((a.shape[0], b.shape[1])), dtypes.int32


int_mm_op = Op(
    "int_mm",
    _int_mm_rule,
    decomposition=lambda a, b: matmul(a.to(dtypes.int32), b.to(dtypes.int32)),
    doc="Product of int8 matrices, summed in int32.",
).constant()


@public(
    method=False,
    differentiable=False,
    aliases=("_int_mm",),
    samples=lambda: [
        call(small_integers(3, 4), small_integers(4, 5)),
        call(small_integers(1, 70), small_integers(70, 33)),
        call(small_integers(17, 9, strided=True), small_integers(9, 20, strided=True)),
        call(small_integers(3, 0), small_integers(0, 2)),
        call(small_integers(0, 4), small_integers(4, 3)),
    ],
)
def int_mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the exact product of two int8 matrices as int32; sums beyond int32 wrap.

    Args:
        input: (n, k), int8.
        mat2: (k, m), int8.

    Returns:
        (n, m), int32.

    Raises:
        ShapeError, DTypeError: if these are no int8 matrices of fitting sizes.

    >>> import rustorch
    >>> a = rustorch.tensor([[100, -128]], dtype=rustorch.int8)
    >>> rustorch.int_mm(a, a.t())
    tensor([[26384]], dtype=rustorch.int32)
    """
    _require_tensors("int_mm", input=input, mat2=mat2)
    return int_mm_op(input, mat2)


# -- linear ------------------------------------------------------------------------------------------

_SCALE: dict[str, Any] = {"low": 0.01, "high": 0.1, "grad": False}


def quantize_rows(x: Any) -> tuple[Any, Any]:
    """Return the rows of a matrix as int8, and the scale of each as a column of float32.

    A row with a number that is not finite gets the scale NaN and zeros.
    """
    wide = x.to(dtypes.float32)
    if wide.shape[1] == 0:
        return wide.to(dtypes.int8), wide.new_zeros((wide.shape[0], 1))
    scale = wide.abs().amax(1, keepdim=True) / LARGEST
    usable = (scale > 0) & (scale < math.inf)
    whole = where(usable, wide / where(usable, scale, 1.0), 0.0).round()
    # not redundant: a denormal scale is not exact
    quantized = whole.clamp(-LARGEST, LARGEST).to(dtypes.int8)
    return quantized, where(scale < math.inf, scale, math.nan)


def _quantized_linear_rule(x: Any, weight: Any, weight_scale: Any, bias: Any) -> tuple[Shape, dtypes.DType]:
    name = "quantized_linear"
    if not x.dtype.is_floating_point or weight.dtype is not dtypes.int8:
        raise DTypeError(
            f"{name}: a floating-point input and an int8 weight are required, "
            f"got {x.dtype.name} and {weight.dtype.name}"
        )
    if len(weight.shape) != 2:
        raise ShapeError(f"{name}: the weight must have 2 dims (out, in), got {tuple(weight.shape)}")
    if not x.shape or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"{name}: the input's last size must be {weight.shape[1]}, got input {tuple(x.shape)}"
        )
    if weight.shape[1] > MOST_INPUTS:
        raise ShapeError(
            f"{name}: at most {MOST_INPUTS} inputs have a sum that int32 holds, got {weight.shape[1]}"
        )
    for what, operand in (("scale", weight_scale), ("bias", bias)):
        if operand is None:
            continue
        if tuple(operand.shape) != (weight.shape[0],):
            raise ShapeError(
                f"{name}: the {what} must have shape ({weight.shape[0]},), got {tuple(operand.shape)}"
            )
        if operand.dtype is not x.dtype:
            raise DTypeError(
                f"{name}: the input and the {what} must have one dtype, "
                f"got {x.dtype.name} and {operand.dtype.name}",
                hint="convert the input with .to(), or the module with module.to()",
            )
    return Shape((*x.shape[:-1], weight.shape[0])), x.dtype


def _quantized_linear(x: Any, weight: Any, weight_scale: Any, bias: Any) -> Any:
    quantized, scale = quantize_rows(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]))
    sums = int_mm_op(quantized, transpose(weight, 0, 1)).to(dtypes.float32)
    result = sums * scale * weight_scale.to(dtypes.float32)
    if bias is not None:
        result = result + bias.to(dtypes.float32)
    return result.to(x.dtype).reshape((*x.shape[:-1], weight.shape[0]))


quantized_linear_op = Op(
    "quantized_linear",
    _quantized_linear_rule,
    decomposition=_quantized_linear,
    doc="Affine map of the last dim by int8 products.",
)
quantized_linear_op.why_no_gradient = "its rounding to int8 has no derivative of use"


@public(
    method=False,
    differentiable=False,
    samples=lambda: [
        call(array(3, 4), small_integers(5, 4), array(5, **_SCALE), array(5)),
        call(array(2, 3, 70), small_integers(33, 70), array(33, **_SCALE)),
        call(array(4), small_integers(5, 4), array(5, **_SCALE), array(5)),
        call(array(0, 4), small_integers(5, 4), array(5, **_SCALE), array(5)),
        call(array(3, 0), small_integers(5, 0), array(5, **_SCALE), array(5)),
    ],
)
def quantized_linear(
    input: Tensor, weight: Tensor, weight_scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Return ``input @ (weight_scale * weight).T + bias``, the input quantized to int8 row by row.

    The product is exact in int32; the numbers around it are float32 whatever the dtype.  With s the scale of
    an input's row, max|x| / 127, the result differs from that without quantization of the input by at most
    s / 2 times the sum of |weight_scale * weight| along the row of the weight, and by rounding.
    A row with a number that is not finite gives NaN.

    Args:
        input: (..., in).
        weight: (out, in), int8; -128 should not occur.
        weight_scale: (out,), of the input's dtype.
        bias: (out,) or None, of the input's dtype.

    Returns:
        (..., out), of the input's dtype.

    Raises:
        ShapeError, DTypeError: if shapes or dtypes do not fit.
        AutogradError: if the input requires a gradient.

    >>> import rustorch
    >>> weight = rustorch.tensor([[127, -127]], dtype=rustorch.int8)
    >>> rustorch.quantized_linear(rustorch.tensor([2.0, 1.0]), weight, rustorch.tensor([0.5]))
    tensor([63.])
    """
    _require_tensors("quantized_linear", input=input, weight=weight, weight_scale=weight_scale)
    if bias is not None:
        _require_tensors("quantized_linear", bias=bias)
    return quantized_linear_op(input, weight, weight_scale, bias)
