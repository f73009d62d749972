"""An affine map and its activation as one layer with a packed weight, for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rustorch.errors import ArgumentError
from rustorch.nn.linear import Linear, require_sizes
from rustorch.nn.module import Module
from rustorch.ops.creation import zeros
from rustorch.ops.linear_fused import (
    ACTIVATIONS,
    linear_fused,
    pack_linear_weight,
    panel_width,
    unpack_linear_weight,
)

if TYPE_CHECKING:
    from typing_extensions import Self


class FusedLinear(Module):
    """``activation(x W^T + b) + residual``, for inference: the weight is kept packed and is not learned.

    :func:`rustorch.nn.utils.fuse_for_inference` makes them.  The state is that of `Linear`, with `weight`
    (out, in) and `bias` (out,), which start at zero.

    Shape: (..., in_features) to (..., out_features).

    >>> import rustorch
    >>> from rustorch import nn
    >>> layer, x = nn.Linear(20, 30), rustorch.ones(2, 20)
    >>> fused = nn.FusedLinear.from_linear(layer, "relu")
    >>> rustorch.allclose(fused(x), layer(x).relu(), atol=1e-6)
    True
    """

    packed: Any
    bias: Any
    _derived_state = frozenset({"weight"})

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        activation: str = "none",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer; see `Linear` for the arguments, and :func:`rustorch.linear_fused` for activations."""
        super().__init__()
        require_sizes("FusedLinear", in_features=in_features, out_features=out_features)
        if activation not in ACTIVATIONS:
            raise ArgumentError(
                f"FusedLinear: activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}"
            )
        self.training = False
        self.in_features = in_features
        self.out_features = out_features
        self.activation = activation
        self.register_buffer("packed", None, persistent=False)
        self.register_buffer("bias", zeros(out_features, dtype=dtype, device=device) if bias else None)
        self.weight = zeros(out_features, in_features, dtype=dtype, device=device)

    @classmethod
    def from_linear(cls, linear: Linear, activation: str = "none") -> Self:
        """Return the layer that computes what `linear` and then the activation do; it has its own memory."""
        like = {"device": linear.weight.device, "dtype": linear.weight.dtype}
        made = cls(linear.in_features, linear.out_features, linear.bias is not None, activation, **like)
        made.load_state_dict(linear.state_dict())
        return made

    @property
    def weight(self) -> Any:
        """The weight (out, in), unpacked into memory of its own; setting it packs."""
        if len(self.packed.shape) == 2:
            return self.packed.clone()
        return unpack_linear_weight(self.packed, self.out_features).contiguous()

    @weight.setter
    def weight(self, value: Any) -> None:
        weight = value.detach()
        # a panel of which half or more were padding would cost what packing saves
        pays = 2 * self.out_features > panel_width(weight.device, weight.dtype) > 0
        self.packed = pack_linear_weight(weight) if pays else weight.clone()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode.

        Raises:
            ArgumentError: for training mode.
        """
        if mode:
            raise ArgumentError(
                "FusedLinear: a model that is fused for inference cannot be trained",
                hint="train the model it was made of, then fuse again",
            )
        return super().train(mode)

    def forward(self, input: Any, residual: Any = None) -> Any:
        """Return the map of `input`, plus `residual` if it is given."""
        return linear_fused(input, self.packed, self.bias, residual, self.activation, self.out_features)

    def extra_repr(self) -> str:
        """Return the sizes and the activation."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
            f"activation={self.activation!r}"
        )
