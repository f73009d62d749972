"""The tensor that users hold: data from :mod:`rustorch.base`, behaviour from the op table."""

from rustorch.tensor.tensor import Tensor

__all__ = ["Tensor"]
