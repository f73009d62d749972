"""``Variable``: the documented API's name for a tensor that requires grad."""

from __future__ import annotations

from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError


def Variable(data: Any, requires_grad: bool = True) -> Any:  # noqa: N802
    """Return a leaf that shares the tensor's memory; kept for code that wraps tensors before use."""
    if not isinstance(data, TensorBase):
        raise ArgumentTypeError(f"Variable: a tensor is required, got {type(data).__name__}")
    return data.detach().requires_grad_(requires_grad)
