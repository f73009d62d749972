"""Layers whose weights are int8, and whose input is quantized when it arrives."""

from __future__ import annotations

from typing import Any

from rustorch import dtypes
from rustorch.errors import ArgumentError, RusTorchError
from rustorch.nn import linear
from rustorch.nn.module import Module
from rustorch.ops.creation import ones, zeros
from rustorch.ops.quantized import MOST_INPUTS, quantize_rows, quantized_linear


class Linear(Module):
    """``y = x W^T + b`` by int8 products; for inference.

    The buffers are `weight` (out, in), int8, `weight_scale` (out,), and `bias` (out,) or None.  A row of the
    float weight is `weight_scale` times that of `weight`, each number within half a scale; the input's rows are
    quantized in the same way at every call.  With s_w and s_x the scales, a result differs from that of the
    float layer by at most

        (s_w sum|x| + s_x sum|s_w q_w|) / 2

    and by rounding, where q_w is the row of `weight`.

    Shape: (..., in_features) to (..., out_features).

    >>> import rustorch
    >>> from rustorch import nn
    >>> layer = nn.quantized.dynamic.Linear.from_float(nn.Linear(20, 30))
    >>> layer
    DynamicQuantizedLinear(in_features=20, out_features=30, bias=True)
    >>> tuple(layer(rustorch.ones(128, 20)).shape)
    (128, 30)
    """

    weight: Any
    weight_scale: Any
    bias: Any

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        """Make a layer whose weights are zero, to load a state into; `from_float` makes one of a float layer.

        Args:
            in_features: size of the last dim of the input.
            out_features: size of the last dim of the result.
            bias: whether to add one.
            device: where the weights are.
            dtype: of the input, the scales and the bias.
        """
        super().__init__()
        linear.require_sizes("quantized.dynamic.Linear", in_features=in_features, out_features=out_features)
        if in_features > MOST_INPUTS:
            raise ArgumentError(
                f"quantized.dynamic.Linear: in_features must be at most {MOST_INPUTS}, so that int32 holds "
                f"every sum, got {in_features}"
            )
        self.in_features = in_features
        self.out_features = out_features
        self.register_buffer("weight", zeros(out_features, in_features, dtype=dtypes.int8, device=device))
        self.register_buffer("weight_scale", ones(out_features, dtype=dtype, device=device))
        self.register_buffer("bias", zeros(out_features, dtype=dtype, device=device) if bias else None)
        self.training = False

    @classmethod
    def from_float(cls, layer: Any) -> Linear:
        """Return the quantized layer of a float one, which stays as it is.

        Args:
            layer: of float32 or float64.

        Raises:
            ArgumentError: if it is another layer, of another dtype, or has weights that are not finite.
        """
        if type(layer) is not linear.Linear:
            raise ArgumentError(f"quantized.dynamic.Linear: a Linear is required, got {type(layer).__name__}")
        weight = layer.weight.detach()
        if weight.dtype not in (dtypes.float32, dtypes.float64):
            raise ArgumentError(
                f"quantized.dynamic.Linear: weights of float32 or float64 are required, got {weight.dtype.name}",
                hint="convert the model with .float() first",
            )
        numbers, scale = quantize_rows(weight)
        if not scale.isfinite().all():
            raise ArgumentError("quantized.dynamic.Linear: finite weights are required, got inf or NaN")
        has_bias = layer.bias is not None
        made = cls(layer.in_features, layer.out_features, has_bias, device=weight.device, dtype=weight.dtype)
        made.weight.copy_(numbers)
        made.weight_scale.copy_(scale.reshape(-1))
        if has_bias:
            made.bias.copy_(layer.bias.detach())
        return made

    def forward(self, input: Any) -> Any:
        """Return the affine map of `input`."""
        if self.training:
            raise RusTorchError(
                f"{self._get_name()}: evaluation mode is required, since int8 weights do not learn",
                hint="call eval(); to go on training, train the float model and quantize it again",
            )
        return quantized_linear(input, self.weight, self.weight_scale, self.bias)

    def _get_name(self) -> str:
        return "DynamicQuantizedLinear"  # PyTorch's, so that it does not read like the float layer

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )
