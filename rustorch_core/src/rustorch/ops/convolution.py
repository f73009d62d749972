"""The convolutions that users call: any number of spatial dims, strides, padding modes, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError, ShapeError
from rustorch.ops.conv import check_operands, conv2d_input_grad, conv2d_op
from rustorch.ops.padding import check_tensor, grown, per_dim
from rustorch.ops.public import public
from rustorch.ops.samples import array, call

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

Sizes = tuple[int, ...]


def _batched(op: str, x: Any, weight: Any, bias: Any, ndim: int) -> tuple[Any, bool]:
    """Return the input with a batch dim, and whether it had one; check ranks."""
    check_tensor(op, x)
    check_tensor(op, weight, "the weight")
    if bias is not None:
        check_tensor(op, bias, "the bias")
    if len(weight.shape) != ndim + 2:
        raise ShapeError(f"{op}: the weight must have {ndim + 2} dims, got shape {tuple(weight.shape)}")
    if len(x.shape) not in (ndim + 1, ndim + 2):
        raise ShapeError(
            f"{op}: the input must have {ndim + 2} dims ({ndim + 1} unbatched), got shape {tuple(x.shape)}"
        )
    return (x, True) if len(x.shape) == ndim + 2 else (x.unsqueeze(0), False)


def _padded(op: str, x: Any, weight: Any, padding: Any, stride: Sizes, dilation: Sizes) -> tuple[Any, Sizes]:
    """Return the input and the padding that is left to do: "same" may need more on one side."""
    ndim = len(stride)
    if not isinstance(padding, str):
        return x, per_dim(op, "padding", padding, ndim)
    if padding == "valid":
        return x, (0,) * ndim
    if padding != "same":
        raise ArgumentError(f"{op}: padding must be 'same', 'valid' or integers, got {padding!r}")
    if any(s != 1 for s in stride):
        raise ArgumentError(f"{op}: padding='same' needs a stride of 1, got {stride}")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    left = tuple(t // 2 for t in total)
    rest = [t - 2 * p for t, p in zip(total, left, strict=True)]
    return grown(x, [0] * ndim, rest), left


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 8), array(4, 3, 3), array(4)),
        call(array(3, 8), array(4, 3, 3)),
        call(array(2, 4, 9), array(6, 2, 3), array(6), 2, 1, 2, 2),
        call(array(2, 3, 8), array(4, 3, 4), padding="same"),
        call(array(0, 3, 8), array(4, 3, 3), array(4)),
    ],
)
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the correlation of signals with kernels; see :func:`conv2d` for the arguments.

    input (N, C, L) or (C, L), weight (O, C / groups, k), bias (O,); the result is (N, O, L') or (O, L').
    """
    x, batched = _batched("conv1d", input, weight, bias, 1)
    stride, dilation = (
        per_dim("conv1d", "stride", stride, 1, 1),
        per_dim("conv1d", "dilation", dilation, 1, 1),
    )
    x, padding = _padded("conv1d", x, weight, padding, stride, dilation)
    check_operands("conv1d", x, weight, bias, groups)
    result = conv2d_op(
        x.unsqueeze(2),
        weight.unsqueeze(2),
        bias,
        stride=(1, *stride),
        padding=(0, *padding),
        dilation=(1, *dilation),
        groups=groups,
    ).squeeze(2)
    return result if batched else result.squeeze(0)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 5, 6), array(4, 3, 3, 2), array(4)),
        call(array(3, 5, 6), array(4, 3, 3, 3)),
        call(array(1, 4, 6, 7), array(6, 2, 3, 2), array(6), (2, 1), (1, 0), (1, 2), 2),
        call(array(1, 3, 5, 5), array(3, 1, 3, 3), None, 2, 1, groups=3),
        call(array(1, 2, 6, 6), array(3, 2, 3, 3), stride=3),
        call(array(1, 2, 5, 6), array(3, 2, 4, 3), padding="same"),
        call(array(0, 2, 5, 5), array(3, 2, 3, 3), array(3)),
    ],
)
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the correlation of planes with kernels.

    ``out[n, o, i, j] = bias[o] + sum_cab weight[o, c, a, b] x[n, c, i s - p + a d, j s - p + b d]``

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        stride: distance of neighbouring windows, an integer or one per dim.
        padding: zeros added on each side; or "valid" (none), or "same" (so many that the size stays).
        dilation: distance of neighbouring taps of the kernel.
        groups: the channels fall into so many groups that do not see one another.

    Returns:
        (N, O, H', W') with H' = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1.

    Raises:
        ShapeError, DTypeError, ArgumentError: if shapes, dtypes or numbers do not fit.

    >>> import rustorch
    >>> image, edges = rustorch.ones((1, 1, 3, 4)), rustorch.tensor([[[[-1.0, 1.0]]]])
    >>> rustorch.conv2d(image, edges, padding=(0, 1))
    tensor([[[[ 1.,  0.,  0.,  0., -1.],
              [ 1.,  0.,  0.,  0., -1.],
              [ 1.,  0.,  0.,  0., -1.]]]])
    """
    x, batched = _batched("conv2d", input, weight, bias, 2)
    stride, dilation = (
        per_dim("conv2d", "stride", stride, 2, 1),
        per_dim("conv2d", "dilation", dilation, 2, 1),
    )
    x, padding = _padded("conv2d", x, weight, padding, stride, dilation)
    result = conv2d_op(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return result if batched else result.squeeze(0)


@public(
    method=False,
    samples=lambda: [
        call(array(1, 2, 3, 3, 3), array(2, 2, 2, 3, 2), array(2)),
        call(array(2, 3, 2, 3), array(1, 2, 2, 2, 2)),
        call(array(1, 2, 5, 2, 3), array(2, 1, 2, 2, 2), None, 2, 1, (2, 1, 1), 2),
    ],
)
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the correlation of volumes with kernels; see :func:`conv2d` for the arguments.

    input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kd, kh, kw), bias (O,).  It is the
    sum, over the kernel's depth, of 2-D convolutions of slices.
    """
    x, batched = _batched("conv3d", input, weight, bias, 3)
    stride, dilation = (
        per_dim("conv3d", "stride", stride, 3, 1),
        per_dim("conv3d", "dilation", dilation, 3, 1),
    )
    x, padding = _padded("conv3d", x, weight, padding, stride, dilation)
    check_operands("conv3d", x, weight, bias, groups)
    x = grown(x, (padding[0], 0, 0), (padding[0], 0, 0))
    n, c, d, h, w = x.shape
    kd = weight.shape[2]
    depth = (d - dilation[0] * (kd - 1) - 1) // stride[0] + 1
    if depth < 1:
        raise ShapeError(f"conv3d: the kernel must fit into the padded input, got depth {kd} for {d}")
    total: Any = None
    for tap in range(kd):
        first = tap * dilation[0]
        slices = x[:, :, first : first + (depth - 1) * stride[0] + 1 : stride[0]].transpose(1, 2)
        part = conv2d_op(
            slices.reshape((n * depth, c, h, w)),
            weight[:, :, tap],
            bias if tap == 0 else None,
            stride=stride[1:],
            padding=padding[1:],
            dilation=dilation[1:],
            groups=groups,
        )
        total = part if total is None else total + part
    result = total.unflatten(0, (n, depth)).transpose(1, 2)
    return result if batched else result.squeeze(0)


def _transposed(
    op: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sizes,
    padding: Sizes,
    extra: Sizes,
    groups: int,
    dilation: Sizes,
) -> Any:
    """Return the transposed convolution of planes; all numbers are pairs."""
    check_operands(op, x, weight, bias, groups, transposed=True)
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if e >= max(s, d):
            raise ArgumentError(
                f"{op}: output_padding must be smaller than stride or dilation, got {e}, {s} and {d}"
            )
    full = [
        (size - 1) * s + d * (k - 1) + 1
        for size, s, d, k in zip(x.shape[2:], stride, dilation, weight.shape[2:], strict=True)
    ]
    size = [f - 2 * p + e for f, p, e in zip(full, padding, extra, strict=True)]
    if min(size) < 1:
        raise ShapeError(f"{op}: the result would have no elements, got size {tuple(size)}")
    how = {"stride": stride, "dilation": dilation, "groups": groups}
    shape = (x.shape[0], weight.shape[1] * groups)
    if all(e < s for e, s in zip(extra, stride, strict=True)):
        result = conv2d_input_grad(x, weight, size=(*shape, *size), padding=padding, **how)
    else:  # the convolution back from this size would see more places than the input has
        result = conv2d_input_grad(x, weight, size=(*shape, *full), padding=(0, 0), **how)
        result = grown(result, [-p for p in padding], [e - p for e, p in zip(extra, padding, strict=True)])
    return result if bias is None else result + bias.reshape((-1, 1, 1))


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 5), array(3, 4, 3), array(4)),
        call(array(3, 5), array(3, 4, 3), None, 2, 1, 1),
        call(array(1, 4, 5), array(4, 3, 2), array(6), 2, 0, 0, 2, 2),
        call(array(1, 2, 4), array(2, 2, 2), None, 1, 1, 1, 1, 2),
    ],
)
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of signals; see :func:`conv_transpose2d` for the arguments.

    input (N, C, L) or (C, L), weight (C, O / groups, k), bias (O,).
    """
    op = "conv_transpose1d"
    x, batched = _batched(op, input, weight, bias, 1)
    stride, padding = per_dim(op, "stride", stride, 1, 1), per_dim(op, "padding", padding, 1)
    extra, dilation = (
        per_dim(op, "output_padding", output_padding, 1),
        per_dim(op, "dilation", dilation, 1, 1),
    )
    result = _transposed(
        op,
        x.unsqueeze(2),
        weight.unsqueeze(2),
        bias,
        (1, *stride),
        (0, *padding),
        (0, *extra),
        groups,
        (1, *dilation),
    ).squeeze(2)
    return result if batched else result.squeeze(0)


@public(
    method=False,
    samples=lambda: [
        call(array(2, 3, 4, 3), array(3, 2, 3, 2), array(2)),
        call(array(3, 4, 4), array(3, 2, 3, 3), None, 2, 1, 1),
        call(array(1, 4, 3, 3), array(4, 3, 2, 3), array(6), (2, 1), (0, 1), (1, 0), 2, (1, 2)),
        call(array(1, 2, 3, 3), array(2, 2, 2, 2), None, 1, 1, (1, 0), 1, (2, 1)),
    ],
)
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of planes: the gradient of :func:`conv2d` in its input.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch.
        weight: (C, O / groups, kh, kw).
        bias: (O,) or None.
        stride: distance of the places that neighbouring elements of the input write to.
        padding: how much of the full result's border is cut off.
        output_padding: additional size on one side; smaller than stride or dilation.
        groups: the channels fall into so many groups that do not see one another.
        dilation: distance of neighbouring taps of the kernel.

    Returns:
        (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.

    Raises:
        ShapeError, DTypeError, ArgumentError: if shapes, dtypes or numbers do not fit.
    """
    op = "conv_transpose2d"
    x, batched = _batched(op, input, weight, bias, 2)
    stride, padding = per_dim(op, "stride", stride, 2, 1), per_dim(op, "padding", padding, 2)
    extra, dilation = (
        per_dim(op, "output_padding", output_padding, 2),
        per_dim(op, "dilation", dilation, 2, 1),
    )
    result = _transposed(op, x, weight, bias, stride, padding, extra, groups, dilation)
    return result if batched else result.squeeze(0)
