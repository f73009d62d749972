"""Models with int8 weights, for inference."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from rustorch.dtypes import int8
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.nn.attention import MultiheadAttention
from rustorch.nn.linear import Linear
from rustorch.nn.module import Module
from rustorch.nn.quantized import dynamic

__all__ = ["quantize_dynamic"]

#: The layers that can be quantized, and what they become.
_QUANTIZED = {Linear: dynamic.Linear}


def quantize_dynamic(
    model: Module, qconfig_spec: Collection[Any] | None = None, dtype: Any = int8, *, inplace: bool = False
) -> Module:
    """Return a model whose linear layers have int8 weights and quantize their input when it arrives.

    Weights get one scale per row, that is per output; see ``nn.quantized.dynamic.Linear`` for the error.  The
    result is in evaluation mode, and none of its parameters requires a gradient.  A quarter of the memory
    holds the weights; the projections of `MultiheadAttention` stay as they are.

    Args:
        model: the float model; a copy of it is quantized.
        qconfig_spec: the layers to quantize: classes and dotted names; all ``nn.Linear`` if None.
        dtype: int8 (PyTorch's qint8).
        inplace: change `model` itself, and return it unless it is a layer that is quantized.

    Raises:
        ArgumentError: if a class or name in `qconfig_spec` cannot be quantized or is not found, or the dtype
            is another.

    >>> import rustorch
    >>> from rustorch import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> rustorch.quantization.quantize_dynamic(model, {nn.Linear}, dtype=rustorch.qint8)
    Sequential(
      (0): DynamicQuantizedLinear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): DynamicQuantizedLinear(in_features=8, out_features=2, bias=True)
    )
    """
    if not isinstance(model, Module):
        raise ArgumentTypeError(f"quantize_dynamic: a model is required, got {type(model).__name__}")
    if dtype is not int8:
        raise ArgumentError(f"quantize_dynamic: dtype must be int8, got {dtype!r}")
    names = _chosen(model, qconfig_spec)
    if not inplace:
        model = copy.deepcopy(model)
    return _converted(model, names).eval().requires_grad_(False)


def _chosen(model: Module, wanted: Any) -> set[str]:
    """Return the names of the layers to quantize."""
    if wanted is None:
        wanted = set(_QUANTIZED)
    if not isinstance(wanted, (set, frozenset, list, tuple)):
        raise ArgumentTypeError(
            f"quantize_dynamic: qconfig_spec must be a set of classes and names, got {type(wanted).__name__}",
            hint="qconfig_spec={nn.Linear}",
        )
    available = _layers(model)
    found: set[str] = set()
    for item in wanted:
        if item in _QUANTIZED:
            found |= {name for name, kind in available.items() if kind is item}
        elif item in available:
            found.add(item)
        else:
            raise ArgumentError(
                f"quantize_dynamic: qconfig_spec may hold {', '.join(c.__name__ for c in _QUANTIZED)} "
                f"and names of such layers, got {item!r}"
            )
    return found


def _layers(module: Module, prefix: str = "") -> dict[str, type]:
    """Return the name and class of each layer that can be quantized."""
    if type(module) in _QUANTIZED:
        return {prefix: type(module)}
    if isinstance(module, MultiheadAttention):
        return {}  # it uses the weights of its projection itself
    found: dict[str, type] = {}
    for name, child in module.named_children():
        found |= _layers(child, f"{prefix}.{name}" if prefix else name)
    return found


def _converted(model: Module, names: set[str]) -> Module:
    """Put quantized layers in the place of the named ones, wherever those are used; return the model."""
    made: dict[Module, Module] = {}
    for name in names:
        layer: Any = model.get_submodule(name)
        made[layer] = _QUANTIZED[type(layer)].from_float(layer)
        made[layer]._hooks = layer._hooks
    for module in [*model.modules()]:
        for name, child in module._modules.items():
            if child in made:
                module._modules[name] = made[child]
    return made.get(model, model)
