"""Affine layers, and layers that only reshape."""

from __future__ import annotations

import math
from typing import Any

from rustorch.errors import ArgumentError
from rustorch.nn import init
from rustorch.nn.lazy import LazyModuleMixin
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter, UninitializedParameter
from rustorch.ops.creation import empty
from rustorch.ops.linalg import bilinear, linear
from rustorch.ops.movement import flatten, unflatten
from rustorch.shape import as_shape


def require_sizes(layer: str, **sizes: Any) -> None:
    """Raise unless all sizes are integers of at least 0."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ArgumentError(f"{layer}: {name} must be an integer of at least 0, got {size!r}")


class Identity(Module):
    """Return the input.  Any arguments are accepted."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return `input`."""
        return input


class Linear(Module):
    """``y = x W^T + b``.

    `weight` (out, in) and `bias` (out,) start uniform in ±1/sqrt(in_features).

    Shape: (..., in_features) to (..., out_features).

    >>> import rustorch
    >>> layer = rustorch.nn.Linear(20, 30)
    >>> tuple(layer(rustorch.ones(128, 20)).shape)
    (128, 30)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        """Make the layer.

        Args:
            in_features: size of the last dim of the input.
            out_features: size of the last dim of the result.
            bias: whether to add one.
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        require_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        # uniform in ±sqrt(6 / ((1 + a^2) in)), which for a = sqrt(5) is ±1/sqrt(in)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Any:
        """Return the affine map of `input`."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class LazyLinear(LazyModuleMixin, Linear):
    """`Linear` that takes `in_features` from its first input.

    >>> import rustorch
    >>> layer = rustorch.nn.LazyLinear(3)
    >>> _ = layer(rustorch.ones(2, 5))
    >>> layer
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        """Make the layer without parameters' shapes; see `Linear` for the arguments."""
        Module.__init__(self)
        require_sizes("LazyLinear", out_features=out_features)
        self.in_features = 0
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def initialize_parameters(self, input: Any) -> None:
        """Take `in_features` from the input's last size."""
        self.in_features = input.shape[-1]
        self.weight.materialize((self.out_features, self.in_features))
        if self.bias is not None:
            self.bias.materialize((self.out_features,))
        self.reset_parameters()

    def settle(self) -> None:
        """Take the sizes from a loaded weight."""
        self.out_features, self.in_features = self.weight.shape


class Bilinear(Module):
    """``y_k = x1^T W_k x2 + b_k``.

    `weight` (out, in1, in2) and `bias` (out,) start uniform in ±1/sqrt(in1_features).

    Shape: (..., in1_features) and (..., in2_features) to (..., out_features).
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer; see `Linear` for the arguments."""
        super().__init__()
        require_sizes(
            "Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features
        )
        if in1_features == 0:
            raise ArgumentError(f"Bilinear: in1_features must be a positive integer, got {in1_features!r}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty(out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        """Return the bilinear map of the two inputs."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Flatten(Module):
    """Merge the dims from `start_dim` to `end_dim` into one; by default all but the batch dim."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        """Make the layer."""
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        """Return `input` with the dims merged."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the dims."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one dim into several of the given sizes."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        """Make the layer."""
        super().__init__()
        self.dim = dim
        self.unflattened_size = as_shape("Unflatten", unflattened_size, allow_minus_one=True)

    def forward(self, input: Any) -> Any:
        """Return `input` with the dim split."""
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the dim and sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
