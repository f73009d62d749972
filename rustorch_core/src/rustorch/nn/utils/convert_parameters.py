"""Parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.nn.utils.clip_grad import listed
from rustorch.ops import joining, movement
from rustorch.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all elements of the parameters as one 1-d tensor, in their order."""
    parts = [movement.reshape(p, (-1,)) for p in listed("parameters_to_vector", parameters)]
    if not parts:
        raise ArgumentError("parameters_to_vector: at least one parameter is required")
    return joining.cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let each parameter show its part of a 1-d tensor, as :func:`parameters_to_vector` orders them.

    Raises:
        ShapeError: if the numbers of elements differ.
    """
    if not isinstance(vec, TensorBase):
        raise ArgumentTypeError(f"vector_to_parameters: a tensor is required, got {type(vec).__name__}")
    given = listed("vector_to_parameters", parameters)
    count = sum(p.shape.elements for p in given)
    if tuple(vec.shape) != (count,):
        raise ShapeError(
            f"vector_to_parameters: a vector of {count} elements is required, got {tuple(vec.shape)}"
        )
    start = 0
    for p in given:
        p.data = vec.detach().narrow(0, start, p.shape.elements).reshape(p.shape)
        start += p.shape.elements
