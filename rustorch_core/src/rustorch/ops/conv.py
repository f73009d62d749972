"""Convolution of planes: the op, its two gradients, and what they are made of.

The three ops are linear in each operand and adjoint to one another, so the derivative of each is
written with the other two and can be taken any number of times.
"""

from __future__ import annotations

from typing import Any

from rustorch import dtypes
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.movement import windows
from rustorch.ops.op import Op
from rustorch.ops.padding import box, grown
from rustorch.ops.sized import Sized
from rustorch.shape import Shape

Pair = tuple[int, int]


def output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return at how many places a window of `kernel` elements fits."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def check_operands(op: str, x: Any, weight: Any, bias: Any, groups: int, *, transposed: bool = False) -> None:
    """Raise unless input, weight and bias of a convolution fit together."""
    for operand in (weight, bias):
        if operand is not None and operand.dtype is not x.dtype:
            raise DTypeError(
                f"{op}: all operands must have one dtype, got input {x.dtype.name} and {operand.dtype.name}",
                hint="convert the input with .to(), or the module with module.to()",
            )
    first, second = weight.shape[0], weight.shape[1]
    if groups < 1 or first % groups:
        raise ArgumentError(f"{op}: groups must divide the weight's first size {first}, got {groups}")
    wanted, made = (first, second * groups) if transposed else (second * groups, first)
    if x.shape[1] != wanted:
        where = "the weight's first size" if transposed else f"groups x weight's {second}"
        raise ShapeError(f"{op}: the input must have {wanted} channels ({where}), got input {tuple(x.shape)}")
    if bias is not None and tuple(bias.shape) != (made,):
        raise ShapeError(f"{op}: the bias must have shape ({made},), got {tuple(bias.shape)}")


def _conv2d_rule(
    x: Any, weight: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Shape, DType]:
    check_operands("conv2d", x, weight, bias, groups)
    places = [
        output_size(*sizes)
        for sizes in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    ]
    if min(places) < 1 or 0 in weight.shape[2:]:
        padded = tuple(s + 2 * p for s, p in zip(x.shape[2:], padding, strict=True))
        spans = tuple(d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True))
        raise ShapeError(
            f"conv2d: the kernel must fit into the padded input, got kernel {spans} for {padded}"
        )
    return Shape((x.shape[0], weight.shape[0], *places)), x.dtype


# -- decompositions: windows of the input as rows of a matrix ----------------------------------------


def _columns(x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """Return what each place of the output sees, (groups, N * OH * OW, C / groups * kh * kw)."""
    x = grown(x, padding, padding)
    seen = windows(windows(x, 2, kernel[0], stride[0], dilation[0]), 3, kernel[1], stride[1], dilation[1])
    n, c, oh, ow, kh, kw = seen.shape
    split = seen.unflatten(1, (groups, c // groups)).permute(1, 0, 3, 4, 2, 5, 6)
    return split.reshape((groups, n * oh * ow, c // groups * kh * kw))


def _rows(g: Any, groups: int) -> Any:
    """Return a tensor over the output's places as (groups, N * OH * OW, O / groups)."""
    n, o, oh, ow = g.shape
    return (
        g.unflatten(1, (groups, o // groups))
        .permute(1, 0, 3, 4, 2)
        .reshape((groups, n * oh * ow, o // groups))
    )


def _matrix(weight: Any, groups: int) -> Any:
    o, c, kh, kw = weight.shape
    return weight.reshape((groups, o // groups, c * kh * kw))


def _conv2d(
    x: Any, weight: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """Correlate planes with kernels: one matrix product over the input's windows."""
    n, (o, _, kh, kw) = x.shape[0], weight.shape
    seen = _columns(x, (kh, kw), stride, padding, dilation, groups)
    result = seen.matmul(_matrix(weight, groups).mT)
    oh, ow = (
        output_size(*sizes) for sizes in zip(x.shape[2:], (kh, kw), stride, padding, dilation, strict=True)
    )
    result = result.reshape((groups, n, oh, ow, o // groups)).permute(1, 0, 4, 2, 3).reshape((n, o, oh, ow))
    return result if bias is None else result + bias.reshape((o, 1, 1))


def overlap_add(parts: Any, plane: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return planes on which windows (N, C, OH, OW, kh, kw) are laid and added up; not differentiable."""
    n, c, oh, ow, kh, kw = parts.shape
    spans = [s * (places - 1) + 1 for s, places in zip(stride, (oh, ow), strict=True)]
    reach = [d * (k - 1) + span for d, k, span in zip(dilation, (kh, kw), spans, strict=True)]
    sizes = [max(r, s + 2 * p) for r, s, p in zip(reach, plane, padding, strict=True)]
    half = parts.dtype.is_floating_point and parts.dtype.itemsize == 2
    total = parts.new_zeros((n, c, *sizes), dtype=dtypes.float32 if half else parts.dtype)
    for i in range(kh):
        for j in range(kw):
            start = (0, 0, i * dilation[0], j * dilation[1])
            box(total, start, (n, c, oh, ow), (1, 1, *stride)).add_(parts[..., i, j])
    return box(total, (0, 0, *padding), (n, c, *plane)).to(parts.dtype)


def _conv2d_input_grad(
    out: Any, g: Any, weight: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The adjoint of conv2d in its input, also known as transposed convolution."""
    n, _, oh, ow = g.shape
    _, c, kh, kw = weight.shape
    parts = _rows(g, groups).matmul(_matrix(weight, groups))
    parts = parts.reshape((groups, n, oh, ow, c, kh, kw)).permute(1, 0, 4, 2, 3, 5, 6)
    return overlap_add(
        parts.reshape((n, groups * c, oh, ow, kh, kw)), out.shape[2:], stride, padding, dilation
    )


def _conv2d_weight_grad(
    out: Any, g: Any, x: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The adjoint of conv2d in its weight."""
    kernel = out.shape[2:]
    # stride and kernel may leave a rest of the input that no window sees
    reach = [
        (places - 1) * s + d * (k - 1) + 1
        for places, s, d, k in zip(g.shape[2:], stride, dilation, kernel, strict=True)
    ]
    after = [r - size - p for r, size, p in zip(reach, x.shape[2:], padding, strict=True)]
    seen = _columns(grown(x, padding, after), kernel, stride, (0, 0), dilation, groups)
    return _rows(g, groups).mT.matmul(seen).reshape(out.shape)


conv2d_op = Op(
    "conv2d",
    _conv2d_rule,
    decomposition=_conv2d,
    partner=("conv2d_input_grad", "conv2d_weight_grad"),
    doc="Correlate planes with kernels.",
)
conv2d_input_grad = Sized(
    "conv2d_input_grad",
    lambda g, weight, *, size, **_: (Shape(size), g.dtype),
    decomposition=_conv2d_input_grad,
    partner=("conv2d", "conv2d_weight_grad"),
)
conv2d_weight_grad = Sized(
    "conv2d_weight_grad",
    lambda g, x, *, size, **_: (Shape(size), g.dtype),
    decomposition=_conv2d_weight_grad,
    partner=("conv2d", "conv2d_input_grad"),
)
conv2d_op.vjp(
    lambda g, _out, _x, weight, _bias, **how: conv2d_input_grad(g, weight, size=_x.shape, **how),
    lambda g, _out, x, _weight, _bias, **how: conv2d_weight_grad(g, x, size=_weight.shape, **how),
    lambda g, _out, _x, _weight, _bias, **how: g.sum((0, 2, 3)),
)
conv2d_input_grad.vjp(
    lambda h, _out, _g, weight, *, size, **how: conv2d_op(h, weight, None, **how),
    lambda h, _out, g, _weight, *, size, **how: conv2d_weight_grad(g, h, size=_weight.shape, **how),
)
conv2d_weight_grad.vjp(
    lambda h, _out, _g, x, *, size, **how: conv2d_op(x, h, None, **how),
    lambda h, _out, g, _x, *, size, **how: conv2d_input_grad(g, h, size=_x.shape, **how),
)
