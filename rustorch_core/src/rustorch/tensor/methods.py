"""Giving ``Tensor`` its methods and operators, from the table of public functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rustorch import dtypes, ops
from rustorch.autograd import inplace
from rustorch.base import TensorBase
from rustorch.ops import public
from rustorch.ops.blame import guarded

#: Python operator -> public function.
_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
_COMPARISONS = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}

#: Public functions whose in-place form replaces the whole tensor by the function's result.
_INPLACE_BY_RESULT = (
    "clamp", "clip", "masked_fill", "scatter", "scatter_add", "index_add", "masked_scatter", "index_put",
    "tril", "triu", "lerp", "addcmul", "addcdiv", "nan_to_num", "cumsum", "cumprod",
    "clamp_min", "clamp_max", "index_fill",
)  # fmt: skip
_SHORT = {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "int": dtypes.int32, "long": dtypes.int64, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool_,
}  # fmt: skip
_HOME_DEVICES = ("cpu", "cuda")  # device types that have a method of their own in PyTorch


def attach(cls: Any) -> None:
    """Set every method, in-place method and operator on the class."""
    for entry in public.functions.values():
        if not entry.method:
            continue
        for name in (entry.name, *entry.aliases):
            if name not in cls.__dict__:
                setattr(cls, name, entry.function)
            if entry.inplace is not None:
                setattr(cls, f"{name}_", entry.inplace)
    for name in _INPLACE_BY_RESULT:
        setattr(cls, f"{name}_", _by_result(name, getattr(cls, name)))
    for name, dtype in _SHORT.items():
        setattr(cls, name, _converter(name, dtype))
    for name in _HOME_DEVICES:
        setattr(cls, name, _mover(name))
    _attach_operators(cls)
    cls.view = _view
    cls.unfold = guarded(ops.movement.sliding_windows, "unfold", method=True)
    cls.T = property(
        lambda x: ops.movement.permute(x, tuple(reversed(range(len(x.shape))))), doc="All dims reversed."
    )
    cls.mT = property(lambda x: ops.movement.transpose(x, -2, -1), doc="The last two dims exchanged.")
    cls.where = _where
    cls.max = _extreme(public.functions["max"].function, public.functions["maximum"].function)
    cls.min = _extreme(public.functions["min"].function, public.functions["minimum"].function)


def _operand(value: Any) -> bool:
    return isinstance(value, (TensorBase, bool, int, float, complex, np.generic))


def _attach_operators(cls: Any) -> None:
    for symbol, name in _OPERATORS.items():
        entry = public.functions[name]
        setattr(cls, f"__{symbol}__", entry.operator or _guarded(entry.function))
        setattr(cls, f"__r{symbol}__", _reflected(entry.function))
        if entry.inplace is not None:
            setattr(cls, f"__i{symbol}__", entry.inplace)
    for symbol, name in _COMPARISONS.items():
        setattr(cls, f"__{symbol}__", public.functions[name].operator)
    unary = {"__neg__": "neg", "__abs__": "abs", "__invert__": "bitwise_not", "__round__": "round"}
    for symbol, name in unary.items():
        setattr(cls, symbol, public.functions[name].function)
    cls.__pos__ = lambda x: x
    cls.__floor__ = public.functions["floor"].function
    cls.__ceil__ = public.functions["ceil"].function


def _guarded(function: Any) -> Callable[[Any, Any], Any]:
    def operator(self: Any, other: Any) -> Any:
        return function(self, other) if _operand(other) else NotImplemented

    return operator


def _reflected(function: Any) -> Callable[[Any, Any], Any]:
    def reflected(self: Any, other: Any) -> Any:
        return function(other, self) if _operand(other) else NotImplemented

    return reflected


def _by_result(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        return inplace.replace_by(f"{name}_", self, lambda x: function(x, *args, **kwargs))

    change.__name__ = change.__qualname__ = f"{name}_"
    change.__doc__ = f"In-place form of :func:`rustorch.{name}`."
    return change


def _converter(name: str, dtype: dtypes.DType) -> Callable[[Any], Any]:
    def convert(self: Any) -> Any:
        return self.to(dtype)

    convert.__name__ = name
    convert.__doc__ = f"Return the tensor in {dtype.name}."
    return convert


def _mover(name: str) -> Callable[..., Any]:
    def move(self: Any, device: Any = None, non_blocking: bool = False) -> Any:
        del non_blocking  # a copy is ordered after the work before it on every backend
        if device is None:
            return self.to(device=name)
        return self.to(device=f"{name}:{device}" if isinstance(device, int) else device)

    move.__name__ = name
    move.__doc__ = f"Return the tensor on device {name!r}."
    return move


def _view(self: Any, *shape: Any) -> Any:
    """Return a view in another shape (one size may be -1), or with the bits read as another dtype."""
    if len(shape) == 1 and isinstance(shape[0], dtypes.DType):
        return inplace.reinterpret(self, shape[0])
    return ops.movement.view_as_shape(self, *shape)


def _where(self: Any, condition: Any, other: Any) -> Any:
    """Return this tensor where `condition` is True, else `other`."""
    return public.functions["where"].function(condition, self, other)


def _extreme(reduce: Any, pairwise: Any) -> Callable[..., Any]:
    def extreme(self: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, TensorBase):
            return pairwise(self, dim)
        return reduce(self, dim, keepdim)

    extreme.__doc__ = reduce.__doc__
    return extreme
