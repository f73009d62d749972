"""How predictions and targets must fit, shared by losses and metrics."""

from __future__ import annotations

from typing import Any

from rustorch.errors import DTypeError, ShapeError


def check_same(what: str, prediction: Any, target: Any) -> None:
    """Refuse shapes that differ, even where they would broadcast.

    Raises:
        ShapeError: for example for (10, 1) and (10,), whose difference would have 100 elements.
    """
    if prediction.shape == target.shape:
        return
    hint = "give the target the shape of the prediction"
    if prediction.shape.elements == target.shape.elements:
        hint += f", for example with target.reshape({tuple(prediction.shape)})"
    elif target.ndim == prediction.ndim - 1 and not target.dtype.is_floating_point:
        hint = "for class indices use loss='cross_entropy'"
    raise ShapeError(
        f"{what}: prediction and target must have one shape, "
        f"got {tuple(prediction.shape)} and {tuple(target.shape)}",
        hint=hint,
    )


def class_dim(what: str, prediction: Any, target: Any, *, channels_first: bool = False) -> tuple[int, bool]:
    """Return the dim of the classes and whether the target is one-hot.

    The classes are in the last dim, as behind a Dense layer, or in dim 1, as behind a convolution;
    the target's shape tells.  Where both fit, `channels_first` decides.

    Raises:
        ShapeError: if the target fits neither.
    """
    shape, goal = tuple(prediction.shape), tuple(target.shape)
    if len(shape) < 2:
        raise ShapeError(f"{what}: a prediction of shape (batch, ..., classes) is required, got {shape}")
    last = len(shape) - 1
    order = (1, last) if channels_first else (last, 1)
    if goal == shape:
        return order[0], True
    for dim in order:
        if goal in (shape[:dim] + shape[dim + 1 :], (*shape[:dim], 1, *shape[dim + 1 :])):
            return dim, False
    raise ShapeError(
        f"{what}: a target of class indices {shape[:-1]} or one-hot rows {shape} is required "
        f"for a prediction {shape}, got {goal}"
    )


def indices(what: str, target: Any, dim: int, ndim: int) -> Any:
    """Return class indices as int64 without a class dim of size 1."""
    if target.dtype.is_floating_point or target.dtype.is_complex:
        raise DTypeError(
            f"{what}: class indices must be integers, got {target.dtype.name}",
            hint="convert them with target.long()",
        )
    if target.ndim == ndim:
        target = target.squeeze(dim)
    return target.long()


def rows(x: Any, dim: int) -> Any:
    """Return a matrix with the classes of `dim` in its columns."""
    last = x.ndim - 1
    if dim == last == 1:
        return x
    return (x if dim == last else x.movedim(dim, last)).reshape((-1, x.shape[dim]))
