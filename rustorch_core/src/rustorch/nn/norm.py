"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from rustorch.autograd import no_grad
from rustorch.errors import ArgumentError, ShapeError
from rustorch.nn import init
from rustorch.nn.lazy import LazyModuleMixin
from rustorch.nn.linear import require_sizes
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from rustorch.ops.batch_norm import batch_norm, instance_norm
from rustorch.ops.creation import empty, ones, zeros
from rustorch.ops.norm import (
    group_norm,
    layer_norm,
    local_response_norm,
    normalized_shape_of,
    rms_norm,
)


class _ChannelNorm(Module):
    """Parameters and running statistics per channel.  Abstract."""

    ranks: tuple[int, ...]  # numbers of dims that the input may have
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        require_sizes(type(self).__name__, num_features=num_features)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        made = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(num_features, **made)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_features, **made)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        count = zeros((), dtype="int64", device=device) if tracked else None
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Start the running statistics anew."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set weight 1, bias 0, and start the running statistics anew."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input(self, input: Any) -> None:
        if len(input.shape) not in self.ranks:
            wanted = " or ".join(map(str, self.ranks))
            raise ShapeError(
                f"{type(self).__name__}: an input of {wanted} dims is required, got shape {tuple(input.shape)}"
            )

    def _optional_state(self, prefix: str) -> frozenset[str]:
        return frozenset({f"{prefix}num_batches_tracked"})  # states from before it existed

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    """Batch normalisation.  Abstract."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """Make the layer.

        Args:
            num_features: number of channels.
            eps: is added to the variance.
            momentum: share of a batch in the running statistics; None for their plain average.
            affine: whether to learn weight and bias.
            track_running_stats: whether to keep running statistics for evaluation.
            device: where parameters and buffers are.
            dtype: of parameters and running statistics.
            bias: whether an affine layer has a bias.
        """
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Any) -> Any:
        """Return `input` normalised per channel."""
        self._check_input(input)
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            with no_grad():
                self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / int(self.num_batches_tracked)
        of_batch = self.training or self.running_mean is None
        tracked = not self.training or self.track_running_stats
        return batch_norm(
            input,
            self.running_mean if tracked else None,
            self.running_var if tracked else None,
            self.weight,
            self.bias,
            of_batch,
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L) (Ioffe and Szegedy, 2015)."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W) (Ioffe and Szegedy, 2015).

    >>> import rustorch
    >>> layer = rustorch.nn.BatchNorm2d(3)
    >>> tuple(layer(rustorch.randn(2, 3, 4, 4)).shape)
    (2, 3, 4, 4)
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W) (Ioffe and Szegedy, 2015)."""

    ranks = (5,)


class _InstanceNorm(_ChannelNorm):
    """Instance normalisation.  Abstract."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """Make the layer; see `BatchNorm2d` for the arguments."""
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Any) -> Any:
        """Return every channel of every instance normalised."""
        self._check_input(input)
        alone = len(input.shape) == self.ranks[0]
        x = input.unsqueeze(0) if alone else input
        result = instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return result.squeeze(0) if alone else result


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L) (Ulyanov et al., 2016)."""

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W) (Ulyanov et al., 2016)."""

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W) (Ulyanov et al., 2016)."""

    ranks = (4, 5)


class _LazyChannelNorm(LazyModuleMixin, _ChannelNorm):
    """Takes the number of channels from the first input.  Abstract."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """Make the layer without channels; see `BatchNorm2d` for the arguments."""
        _ChannelNorm.__init__(self, 0, eps, momentum, affine, track_running_stats, device, dtype, bias)
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
        if affine and bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)

    def initialize_parameters(self, input: Any) -> None:
        """Take the number of channels from the input's second size."""
        self._check_input(input)
        self.num_features = input.shape[1]
        for tensor in (self.weight, self.bias, self.running_mean, self.running_var):
            if tensor is not None:
                tensor.materialize((self.num_features,))
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Start the running statistics anew, if there are channels."""
        if self.num_features:
            super().reset_running_stats()

    def settle(self) -> None:
        """Take the number of channels from a loaded state."""
        known = self.weight if self.affine else self.running_mean
        if known is not None:
            self.num_features = known.shape[0]


class LazyBatchNorm1d(_LazyChannelNorm, BatchNorm1d):
    """`BatchNorm1d` that takes the number of channels from its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyChannelNorm, BatchNorm2d):
    """`BatchNorm2d` that takes the number of channels from its first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyChannelNorm, BatchNorm3d):
    """`BatchNorm3d` that takes the number of channels from its first input."""

    cls_to_become = BatchNorm3d


# -- layer and group norm ----------------------------------------------------------------------------


class LayerNorm(Module):
    """Normalisation over the last dims (Ba et al., 2016).

    Shape: (..., *normalized_shape) to the same.

    >>> import rustorch
    >>> layer = rustorch.nn.LayerNorm(4)
    >>> layer(rustorch.arange(4).float())
    tensor([-1.3416, -0.4472,  0.4472,  1.3416], grad_fn=<LayerNormBackward>)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer.

        Args:
            normalized_shape: the last sizes of the input, over which mean and variance are taken.
            eps: is added to the variance.
            elementwise_affine: whether to learn a weight.
            bias: whether to learn a bias as well.
            device: where the parameters are.
            dtype: of the parameters.
        """
        super().__init__()
        self.normalized_shape = normalized_shape_of("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        made = {"device": device, "dtype": dtype}
        sizes = self.normalized_shape
        self.register_parameter("weight", Parameter(empty(sizes, **made)) if elementwise_affine else None)
        self.register_parameter(
            "bias", Parameter(empty(sizes, **made)) if elementwise_affine and bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Return `input` normalised."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}, bias={self.bias is not None}"


class RMSNorm(Module):
    """Division by the root mean square over the last dims (Zhang and Sennrich, 2019).

    Shape: (..., *normalized_shape) to the same.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the layer; see `LayerNorm` for the arguments.  `eps` None is the dtype's machine epsilon."""
        super().__init__()
        self.normalized_shape = normalized_shape_of("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = (
            Parameter(empty(self.normalized_shape, device=device, dtype=dtype))
            if elementwise_affine
            else None
        )
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Any:
        """Return `input` normalised."""
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalisation within groups of channels (Wu and He, 2018).

    Shape: (N, num_channels, ...) to the same.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """Make the layer.

        Args:
            num_groups: divides `num_channels`.
            num_channels: number of channels.
            eps: is added to the variance.
            affine: whether to learn weight and bias per channel.
            device: where the parameters are.
            dtype: of the parameters.
            bias: whether an affine layer has a bias.
        """
        super().__init__()
        require_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_groups == 0 or num_channels % num_groups:
            raise ArgumentError(
                f"GroupNorm: num_groups must divide num_channels, got {num_groups} and {num_channels}"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        made = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(empty(num_channels, **made)) if affine else None)
        self.register_parameter("bias", Parameter(empty(num_channels, **made)) if affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Return `input` normalised."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        text = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{text}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """Division by the size of neighbouring channels (Krizhevsky et al., 2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        """Make the layer; see ``functional.local_response_norm`` for the arguments."""
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        """Return `input` normalised."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
