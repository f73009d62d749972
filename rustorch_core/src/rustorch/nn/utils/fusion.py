"""Models rewritten for inference: layers that follow one another become one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from rustorch.autograd import no_grad
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.nn import activation as layers
from rustorch.nn.attention import MultiheadAttention
from rustorch.nn.containers import Sequential
from rustorch.nn.conv import Conv1d, Conv2d, Conv3d
from rustorch.nn.fused import FusedLinear
from rustorch.nn.linear import Identity, Linear
from rustorch.nn.module import Module
from rustorch.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from rustorch.nn.parameter import Parameter
from rustorch.nn.transformer import TransformerDecoderLayer, TransformerEncoderLayer
from rustorch.ops.activation import gelu
from rustorch.ops.linear_fused import panel_width
from rustorch.ops.public import functions
from rustorch.ops.rectifiers import relu

_LAYERS: dict[type, str] = {
    layers.ReLU: "relu",
    layers.SiLU: "silu",
    layers.Tanh: "tanh",
    layers.Sigmoid: "sigmoid",
}
_NORMS: dict[type, type] = {Conv1d: BatchNorm1d, Conv2d: BatchNorm2d, Conv3d: BatchNorm3d}


def fuse_for_inference(model: Module) -> Module:
    """Return a copy of a model that computes the same with fewer passes over memory.

    In the copy

    - a `Linear` is a `FusedLinear`, whose weight is packed once, and takes in an activation (ReLU, GELU, SiLU,
      Tanh, Sigmoid) that follows it in a `Sequential` or in the feed-forward part of a transformer's layer;
    - a convolution takes in a batch normalisation that follows it in a `Sequential`.

    What was taken in is replaced by `Identity`, so that names stay.  Linear layers stay as they are on devices
    and for dtypes without a kernel for it: move and convert the model first.  So do layers with hooks.  The copy
    has the same state, but for batch normalisations, and cannot be trained.

    Args:
        model: in evaluation mode; it is left as it is.

    Raises:
        ArgumentError: if a part of the model is in training mode.

    >>> import rustorch
    >>> from rustorch import nn
    >>> model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 3)).eval()
    >>> fused = nn.utils.fuse_for_inference(model)
    >>> x = rustorch.ones(2, 20)
    >>> rustorch.allclose(fused(x), model(x), atol=1e-6)
    True
    """
    if not isinstance(model, Module):
        raise ArgumentTypeError(f"fuse_for_inference: a Module is required, got {type(model).__name__}")
    for name, part in model.named_modules():
        if part.training:
            raise ArgumentError(
                f"fuse_for_inference: a model in evaluation mode is required, got {name or 'a model'} "
                f"({type(part).__name__}) in training mode",
                hint="call model.eval() first",
            )
    with no_grad():
        return _Fusion().fused(copy.deepcopy(model))


def fuse_conv_bn_eval(conv: Any, bn: Any) -> Any:
    """Return a convolution that computes what `conv` and then the batch normalisation `bn` do in evaluation.

    ``W' = W s`` and ``b' = (b - mean) s + beta`` with ``s = gamma / sqrt(var + eps)`` per channel
    (Jacob et al., "Quantization and training of neural networks", 2018, section 3.2).

    Args:
        conv: a Conv1d, Conv2d or Conv3d.
        bn: a batch normalisation of as many dims, with running statistics.

    Raises:
        ArgumentError: if one of them is in training mode, or they do not go together.
    """
    if not _folds(conv, bn):
        raise ArgumentError(
            "fuse_conv_bn_eval: a convolution and a batch normalisation of its channels and dims are required, with "
            f"running statistics and in evaluation mode, got {conv} and {bn}",
            hint="call .eval() on both first",
        )
    with no_grad():
        return _folded(conv, bn)


def _folds(conv: Any, bn: Any) -> bool:
    norm: Any = _NORMS.get(type(conv))
    return (
        type(bn) is norm
        and bn.running_mean is not None
        and bn.num_features == conv.out_channels
        and not conv.training
        and not bn.training
    )


def _folded(conv: Any, bn: Any) -> Any:
    scale = (bn.running_var + bn.eps).rsqrt()
    if bn.weight is not None:
        scale = scale * bn.weight
    shift = -bn.running_mean if conv.bias is None else conv.bias - bn.running_mean
    shift = shift * scale if bn.bias is None else shift * scale + bn.bias
    made = copy.deepcopy(conv)
    learned = conv.weight.requires_grad
    weight = conv.weight * scale.reshape((-1, *[1] * (len(conv.weight.shape) - 1)))
    made.weight = Parameter(weight.detach(), requires_grad=learned)
    made.bias = Parameter(shift.detach(), requires_grad=learned)
    return made


def _named_activation(function: Any) -> str | None:
    """Return what the fused op calls an activation, layer or function; None if it does not have it."""
    if isinstance(function, Module):
        if function._hooks is not None:
            return None
        if type(function) is layers.GELU:
            return "gelu" if function.approximate == "none" else "gelu_tanh"
        return _LAYERS.get(type(function))
    for name, plain in (("relu", relu), ("gelu", gelu)):
        if function in (plain, functions[name].function):
            return name
    return None


def _unchanged(x: Any) -> Any:
    """Stand where an activation was."""
    return x


class _Fusion:
    """One rewriting: remembers what a shared part became."""

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, Module]] = {}  # keeps the parts, so that their ids stay theirs

    def fused(self, module: Any) -> Module:
        """Return what takes the place of a module: itself, with its parts fused, or another."""
        if _packs(module):
            return self._linear(module, "none")
        if isinstance(module, MultiheadAttention):  # reads the weights of its maps by itself
            return module
        return self._once((module,), "", lambda: self._inside(module))

    def _once(self, parts: tuple[Any, ...], what: str, make: Callable[[], Module]) -> Module:
        key = (*map(id, parts), what)
        if key not in self._made:
            self._made[key] = (parts, make())
        return self._made[key][1]

    def _linear(self, linear: Any, activation: str) -> Module:
        return self._once((linear,), activation, lambda: FusedLinear.from_linear(linear, activation))

    def _inside(self, module: Any) -> Module:
        if isinstance(module, Sequential) and type(module).forward is Sequential.forward:
            self._neighbours(module)
        elif type(module) in (TransformerEncoderLayer, TransformerDecoderLayer):
            self._feed_forward(module)
        for name, child in list(module._modules.items()):
            if child is not None:
                module._modules[name] = self.fused(child)
        return module  # type: ignore[no-any-return]

    def _neighbours(self, chain: Sequential) -> None:
        for name, following in pairwise(list(chain._modules)):
            first: Any = chain._modules[name]
            second: Any = chain._modules[following]
            activation = _named_activation(second)
            if _packs(first) and activation is not None:
                made = self._linear(first, activation)
            elif _folds(first, second) and first._hooks is None and second._hooks is None:
                made = self._once((first, second), "", partial(_folded, first, second))
            else:
                continue
            chain._modules[name] = made
            chain._modules[following] = Identity().eval()

    def _feed_forward(self, layer: Any) -> None:
        activation = _named_activation(layer.activation)
        if activation is not None and _packs(layer.linear1):
            layer.linear1 = self._linear(layer.linear1, activation)
            layer.activation = Identity().eval() if isinstance(layer.activation, Module) else _unchanged


def _packs(module: Any) -> bool:
    """Whether a module is a plain `Linear` on a device with a kernel for the fused op."""
    if type(module) is not Linear or module._hooks is not None:
        return False
    return panel_width(module.weight.device, module.weight.dtype) > 0
