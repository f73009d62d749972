"""Affine maps with what follows them in one op, for inference; and weights packed once for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rustorch.dtypes import FLOAT, DType
from rustorch.errors import ArgumentError, DTypeError, ShapeError
from rustorch.ops.activation import gelu, sigmoid, silu
from rustorch.ops.linalg import linear_op
from rustorch.ops.movement import contiguous, narrow, reshape, transpose
from rustorch.ops.op import Op
from rustorch.ops.padding import pad
from rustorch.ops.public import public
from rustorch.ops.rectifiers import relu
from rustorch.ops.samples import array, call
from rustorch.ops.unary import tanh
from rustorch.shape import Shape
from rustorch.tape import mode

if TYPE_CHECKING:
    from rustorch.tensor import Tensor

#: What may follow the product, by name.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "none": lambda x: x,
    "relu": relu,
    "gelu": gelu,
    "gelu_tanh": lambda x: gelu(x, approximate="tanh"),
    "silu": silu,
    "tanh": tanh,
    "sigmoid": sigmoid,
}

#: Rows of a weight in a panel, for devices that name no other number.
PANEL = 32


def panel_width(device: Any, dtype: DType) -> int:
    """Return how wide the panels are that a device's kernel reads fastest; 0 if it has no kernel."""
    offers = device.kernels.accepted(linear_fused_op, dtype)
    return getattr(offers[0].kernel.fn, "panel_width", PANEL) if offers else 0


@public(
    method=False,
    samples=lambda: [
        call(array(5, 4), 32),
        call(array(64, 3), 16),
        call(array(33, 0), 8),
        call(array(0, 3), 32),
        call(array(4, 6, strided=True), 3),
    ],
)
def pack_linear_weight(weight: Tensor, width: int | None = None) -> Tensor:
    """Return a weight (out, in) in panels of some of its rows, as :func:`linear_fused` reads it fastest.

    Number (i, p) of the weight is number (i // width, p, i % width) of the result; rows that fill up the last
    panel are zero.

    Args:
        weight: (out, in).
        width: rows of a panel; what suits the weight's device and dtype if None.

    Returns:
        (ceil(out / width), in, width), contiguous: a copy, which does not follow later changes of the weight.

    Raises:
        ShapeError: if the weight does not have 2 dims.
        ArgumentError: if the width is not positive.

    >>> import rustorch
    >>> tuple(rustorch.pack_linear_weight(rustorch.ones(40, 3), 16).shape)
    (3, 3, 16)
    """
    if len(weight.shape) != 2:
        raise ShapeError(
            f"pack_linear_weight: a weight (out, in) is required, got shape {tuple(weight.shape)}"
        )
    if width is None:
        width = panel_width(weight.device, weight.dtype) or PANEL
    if width < 1:
        raise ArgumentError(f"pack_linear_weight: the width must be positive, got {width}")
    rows, columns = weight.shape
    count = _panels(rows, width)
    whole: Any = pad(weight, (0, 0, 0, count * width - rows))
    return contiguous(transpose(reshape(whole, (count, width, columns)), 1, 2))


def _panels(out_features: int, width: int) -> int:
    return -(-out_features // width)


def unpack_linear_weight(packed: Any, out_features: int) -> Any:
    """Return the weight (out, in) that :func:`pack_linear_weight` was given."""
    count, columns, width = packed.shape
    return narrow(reshape(transpose(packed, 1, 2), (count * width, columns)), 0, 0, out_features)


def _composed(x: Any, weight: Any, bias: Any, residual: Any, *, activation: str, out_features: int) -> Any:
    if len(weight.shape) == 3:
        weight = unpack_linear_weight(weight, out_features)
    y = ACTIVATIONS[activation](linear_op(x, weight, bias))
    return y if residual is None else y + residual


def _dtype_error(x: Any, **others: Any) -> DTypeError:
    if x.dtype.category != FLOAT:
        return DTypeError(f"linear_fused: floating-point operands are required, got {x.dtype.name}")
    name, other = next((n, o) for n, o in others.items() if o is not None and o.dtype is not x.dtype)
    return DTypeError(
        f"linear_fused: all operands must have one dtype, got input {x.dtype.name} and {name} {other.dtype.name}",
        hint="convert the input with .to(), or the module with module.to()",
    )


def _check_weight(weight: Any, inputs: int, out_features: int) -> None:
    plain = (out_features, inputs)
    packed = (_panels(out_features, width := weight.shape[-1] or 1), inputs, width) if weight.shape else ()
    if weight.shape not in (plain, packed):
        raise ShapeError(
            f"linear_fused: for {inputs} features of the input and {out_features} of the result the weight must have "
            f"shape {plain}, or be packed from that shape, got {tuple(weight.shape)}"
        )


def _rule(
    x: Any, weight: Any, bias: Any, residual: Any, *, activation: str, out_features: int
) -> tuple[Shape, DType]:
    dtype = x.dtype
    if (
        dtype.category != FLOAT
        or weight.dtype is not dtype
        or (bias is not None and bias.dtype is not dtype)
        or (residual is not None and residual.dtype is not dtype)
    ):
        raise _dtype_error(x, weight=weight, bias=bias, residual=residual)
    if activation not in ACTIVATIONS:
        raise ArgumentError(
            f"linear_fused: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}"
        )
    if not x.shape:
        raise ShapeError("linear_fused: the input needs at least one dim, got a 0-d tensor")
    _check_weight(weight, x.shape[-1], out_features)
    if bias is not None and bias.shape != (out_features,):
        raise ShapeError(f"linear_fused: the bias must have shape ({out_features},), got {tuple(bias.shape)}")
    shape = Shape((*x.shape[:-1], out_features))
    if residual is not None and residual.shape != shape:
        raise ShapeError(
            f"linear_fused: the residual must have the result's shape {tuple(shape)}, got {tuple(residual.shape)}"
        )
    return shape, dtype


linear_fused_op = Op(
    "linear_fused",
    _rule,
    decomposition=_composed,
    doc="Affine map, activation and residual in one; for inference.",
)
linear_fused_op.why_no_gradient = (
    "what a derivative needs is not kept; linear_fused composes it where one is wanted"
)


@public(
    method=False,
    samples=lambda: [
        call(array(3, 4), array(5, 4), array(5), array(3, 5)),
        *(
            call(array(3, 4), array(5, 4), array(5), activation=name)
            for name in ACTIVATIONS
            if name != "relu"
        ),
        call(array(2, 3, 4), array(35, 4), None, array(2, 3, 35), "silu"),
        call(array(3, 4), array(2, 4, 32), array(37), array(3, 37), "gelu", out_features=37),
        call(array(4), array(1, 4, 32), out_features=32),
        call(array(1, 40), array(2, 40, 32), array(33), activation="gelu_tanh", out_features=33),
        call(array(0, 4), array(5, 4), array(5)),
        call(array(3, 0), array(1, 0, 32), array(5), activation="tanh", out_features=5),
    ],
)
def linear_fused(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    residual: Tensor | None = None,
    activation: str = "none",
    out_features: int | None = None,
) -> Tensor:
    """Return ``activation(input @ weight.T + bias) + residual``.

    Where no gradient is wanted it is one op, which a backend may run without a further pass over the result;
    otherwise it is composed of the ops that the formula names.

    Args:
        input: (..., in).
        weight: (out, in), or packed by :func:`pack_linear_weight`.
        bias: (out,) or None.
        residual: (..., out), of the result's shape, or None.
        activation: "none", "relu", "gelu", "gelu_tanh", "silu", "tanh" or "sigmoid".
        out_features: out; required with a packed weight, whose panels do not tell.

    Returns:
        (..., out).

    Raises:
        ShapeError, DTypeError, ArgumentError: if operands do not fit or the activation is unknown.

    >>> import rustorch
    >>> x, weight = rustorch.ones(1, 3), rustorch.tensor([[1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])
    >>> rustorch.linear_fused(x, weight, activation="relu")
    tensor([[3., 0.]])
    """
    if out_features is None:
        if len(weight.shape) != 2:
            raise ArgumentError(
                f"linear_fused: out_features is required, since the weight has shape {tuple(weight.shape)} and "
                "not (out, in)"
            )
        out_features = weight.shape[0]
    operands = (input, weight, bias, residual)
    if mode.grad and any(x is not None and x.needs_grad for x in operands):
        _rule(*operands, activation=activation, out_features=out_features)
        return _composed(*operands, activation=activation, out_features=out_features)
    return linear_fused_op(*operands, activation=activation, out_features=out_features)
