"""From a list of samples to a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, ShapeError
from rustorch.ops.creation import as_tensor, tensor
from rustorch.ops.joining import stack


def _stacked(batch: Sequence[Any], **_: Any) -> Any:
    first = batch[0]
    for i, item in enumerate(batch):
        if not isinstance(item, (TensorBase, np.ndarray)):
            raise _unsupported(f"{type(first).__name__} beside {type(item).__name__}")
        if item.shape != first.shape:
            raise ShapeError(
                "default_collate: the samples of a batch must have equal shapes, "
                f"got {tuple(first.shape)} at 0 and {tuple(item.shape)} at {i}",
                hint="pass a collate_fn that pads them, or a transform that resizes them",
            )
    return np.stack(batch) if isinstance(first, np.ndarray) else stack(list(batch), 0)


def _arrays(batch: Sequence[Any], **_: Any) -> Any:
    if batch[0].dtype.kind in "SUO" or batch[0].dtype.names is not None:
        raise _unsupported(f"a NumPy array of dtype {batch[0].dtype}")
    return as_tensor(_stacked(batch))


#: type -> function(batch, *, collate_fn_map); add to it to teach `default_collate` a type of your own.
default_collate_fn_map: dict[type | tuple[type, ...], Callable[..., Any]] = {
    TensorBase: _stacked,
    np.ndarray: _arrays,
    (np.bool_, np.number): lambda batch, **_: as_tensor(np.asarray(batch)),
    bool: lambda batch, **_: tensor(list(batch)),
    float: lambda batch, **_: tensor(list(batch), dtype="float64"),
    int: lambda batch, **_: tensor(list(batch), dtype="int64"),
    str: lambda batch, **_: batch,
    bytes: lambda batch, **_: batch,
}


def collate(batch: Sequence[Any], *, collate_fn_map: Mapping[Any, Callable[..., Any]] | None = None) -> Any:
    """Return a batch from samples, by the functions of a map from types, and recursively in containers."""
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        found = collate_fn_map.get(kind)
        if found is None:
            found = next((f for types, f in collate_fn_map.items() if isinstance(first, types)), None)
        if found is not None:
            return found(batch, collate_fn_map=collate_fn_map)

    def together(parts: Sequence[Any]) -> Any:
        return collate(parts, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        merged = {key: together([sample[key] for sample in batch]) for key in first}
        return _like_mapping(first, merged)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(together(parts) for parts in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise ShapeError("default_collate: each element in list of batch should be of equal size")
        parts = [together(part) for part in zip(*batch, strict=True)]
        return parts if isinstance(first, tuple) else _like_sequence(first, parts)
    raise _unsupported(kind.__name__)


def _like_mapping(first: Any, merged: dict[Any, Any]) -> Any:
    """Return the merged values in a mapping of the samples' own type, where it can be made."""
    if type(first) is dict:
        return merged
    try:
        if isinstance(first, MutableMapping):
            clone = copy.copy(first)
            clone.update(merged)
            return clone
        return type(first)(merged)
    except TypeError:
        return merged


def _like_sequence(first: Any, parts: list[Any]) -> Any:
    """Return the parts in a sequence of the samples' own type, where it can be made."""
    if type(first) is list:
        return parts
    try:
        if isinstance(first, MutableSequence):
            clone = copy.copy(first)
            for i, part in enumerate(parts):
                clone[i] = part
            return clone
        return type(first)(parts)
    except TypeError:
        return parts


def _unsupported(what: str) -> ArgumentTypeError:
    return ArgumentTypeError(
        "default_collate: a batch must contain tensors, NumPy arrays, numbers, strings, dicts or lists, "
        f"got {what}",
        hint="pass a collate_fn to the DataLoader",
    )


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples into a batch with a new first dim.

    Tensors and NumPy arrays are stacked; Python floats become float64, ints int64 and bools bool
    tensors; strings and bytes stay as they are.  Dicts and named tuples keep their type and are
    collated by key, lists and tuples by position: samples ``(x, y)`` give ``[xs, ys]``.

    Raises:
        ShapeError: if arrays have different shapes, or sequences different lengths.
        ArgumentTypeError: if a sample holds something else.

    >>> from rustorch.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_convert(data: Any) -> Any:  # noqa: PLR0911 - one per kind of sample
    """Return a single sample with its NumPy arrays as tensors: what a loader does that makes no batches."""
    if isinstance(data, TensorBase):
        return data
    if isinstance(data, (np.ndarray, np.bool_, np.number)):
        return data if data.dtype.kind in "SUO" else as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data
