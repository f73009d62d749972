"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from typing import Any

from rustorch.errors import RusTorchError
from rustorch.nn.module import Module
from rustorch.nn.parameter import UninitializedTensor


class LazyModuleMixin(Module):
    """Put before a layer's class: its parameters start as `UninitializedParameter`.

    The first call runs ``initialize_parameters(*args)``, which gives them their shapes, and turns
    the module into an ordinary `cls_to_become`.  Parameters stay the same objects.
    """

    cls_to_become: type[Module]

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer has no shape yet."""
        own = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(x, UninitializedTensor) for x in own)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes from the first arguments; every lazy layer defines it."""
        raise NotImplementedError(f"{type(self).__name__}: initialize_parameters is not defined")

    def settle(self) -> None:
        """Take sizes from parameters that a state dict has filled; a lazy layer may define it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give the parameters their shapes, become `cls_to_become`, and run it."""
        if self.has_uninitialized_params():
            self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise RusTorchError(
                    f"{type(self).__name__}: initialize_parameters left a parameter without a shape"
                )
        else:
            self.settle()
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)
