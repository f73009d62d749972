"""From what a user calls data to batches of (inputs, target)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

import rustorch
from rustorch import data as data_module
from rustorch.base import TensorBase
from rustorch.dtypes import get_default_dtype
from rustorch.errors import ArgumentError, ArgumentTypeError, ShapeError
from rustorch.training.checks import count, share

_FORMS = "a DataLoader, a Dataset, a tuple (x, y) of tensors or arrays, or a list of batches"


class Place(NamedTuple):
    """Where a model computes, and in which dtype."""

    device: Any = None  # None: leave inputs where they are
    dtype: Any = None  # None: the default float


def place_of(model: Any) -> Place:
    """Return where the parameters of a model are; for a model that is not built, where they will be."""
    device = dtype = None
    for tensor in chain(model.parameters(), model.buffers(), (getattr(model, "_home", None),)):
        if tensor is not None:
            device = device or tensor.device
            if tensor.dtype.is_floating_point:
                return Place(device, tensor.dtype)
    return Place(device, dtype)


class Batch(NamedTuple):
    """One batch: the arguments of the model, and what it should answer (None when predicting)."""

    inputs: tuple[Any, ...]
    target: Any

    @property
    def size(self) -> int:
        """The number of samples."""
        return int(self.inputs[0].shape[0])


def is_array(value: Any) -> bool:
    """Return whether a value is a tensor or an array."""
    return isinstance(value, (TensorBase, np.ndarray))


class ArrayBatches:
    """Batches cut from tensors in memory; shuffled anew with the default generator for every pass."""

    def __init__(self, tensors: list[Any], batch_size: int, *, shuffle: bool) -> None:
        self.tensors = tensors
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        return (len(self.tensors[0]) + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[list[Any]]:
        total = len(self.tensors[0])
        order = rustorch.randperm(total) if self.shuffle else None
        for start in range(0, total, self.batch_size):
            stop = min(start + self.batch_size, total)
            if order is None:
                yield [x[start:stop] for x in self.tensors]
            else:
                chosen = order[start:stop]
                yield [x.index_select(0, chosen.to(device=x.device)) for x in self.tensors]


def as_batches(
    data: Any, batch_size: int, *, shuffle: bool, place: Place | None = None, what: str = "fit"
) -> Any:
    """Return an object that yields the batches of `data` each time it is iterated over.

    Args:
        data: a DataLoader or other iterable of batches, a Dataset, or a tuple of tensors or arrays of
            which the last is the target.
        batch_size: for data that is not in batches yet.
        shuffle: likewise.
        place: of the model; arrays of NumPy's doubles take its dtype.
        what: the caller, for errors.
    """
    count(what, "batch_size", batch_size)
    if isinstance(data, data_module.DataLoader):
        return data
    if isinstance(data, data_module.IterableDataset):
        return data_module.DataLoader(data, batch_size=batch_size)
    if isinstance(data, data_module.Dataset):
        return data_module.DataLoader(data, batch_size=batch_size, shuffle=shuffle)
    if is_array(data) or (isinstance(data, (tuple, list)) and data and all(map(is_array, data))):
        return ArrayBatches(_same_length(data, what, place and place.dtype), batch_size, shuffle=shuffle)
    if hasattr(data, "__iter__") and not isinstance(data, (str, bytes, dict)):
        if iter(data) is data:
            raise ArgumentTypeError(
                f"{what}: {type(data).__name__} can be read only once", hint=f"give {_FORMS}"
            )
        return data
    raise ArgumentTypeError(f"{what}: data must be {_FORMS}, got {type(data).__name__}")


def _same_length(data: Any, what: str, dtype: Any) -> list[Any]:
    arrays = [data] if is_array(data) else list(data)
    tensors = [tensor_of(a, dtype) for a in arrays]
    if any(not x.ndim for x in tensors):
        raise ShapeError(f"{what}: the first dim of every array counts the samples, got a 0-d array")
    lengths = [len(x) for x in tensors]
    if len(set(lengths)) != 1:
        raise ShapeError(f"{what}: all arrays must have the same number of samples, got {lengths}")
    return tensors


def tensor_of(value: Any, dtype: Any = None) -> Any:
    """Return an array as a tensor; NumPy's doubles take the model's dtype, since nobody asked for them."""
    if isinstance(value, TensorBase):
        return value
    made = rustorch.as_tensor(value)
    return made.to(dtype or get_default_dtype()) if value.dtype == np.float64 else made


def split(data: Any, fraction: float, place: Place) -> tuple[Any, Any]:
    """Cut the last `fraction` of the samples off as validation data, before any shuffling."""
    share("fit", "validation_split", fraction)
    if isinstance(data, (tuple, list)) and data and all(map(is_array, data)):
        tensors = _same_length(data, "fit", place.dtype)
        kept = _kept(len(tensors[0]), fraction)
        return tuple(x[:kept] for x in tensors), tuple(x[kept:] for x in tensors)
    if isinstance(data, data_module.Dataset) and hasattr(data, "__len__"):
        total = len(data)
        kept = _kept(total, fraction)
        return data_module.Subset(data, range(kept)), data_module.Subset(data, range(kept, total))
    raise ArgumentTypeError(
        f"fit: validation_split needs arrays or a Dataset with a length, got {type(data).__name__}",
        hint="give validation_data instead",
    )


def _kept(total: int, fraction: float) -> int:
    kept = int(total * (1 - fraction))
    if not 0 < kept < total:
        raise ArgumentError(f"fit: validation_split={fraction} of {total} samples leaves one part empty")
    return kept


def batch_of(raw: Any, place: Place, *, what: str, with_target: bool = True) -> Batch:
    """Return one batch on the model's device.

    A batch is ``(x, y)``, ``((x1, x2), y)`` or ``(x1, x2, y)``: the last is the target.  Without
    target (when predicting) it may also be ``x`` or ``(x,)``.
    """
    target = None
    if is_array(raw):
        parts: list[Any] = [raw]
    elif isinstance(raw, (tuple, list)) and raw:
        parts = list(raw)
    else:
        raise ArgumentTypeError(f"{what}: a batch must be (inputs, target), got {type(raw).__name__}")
    if len(parts) > 1:
        last = parts.pop()
        target = _on(last, place, what) if with_target else None
    elif with_target:
        raise ArgumentTypeError(
            f"{what}: a batch must be (inputs, target), got inputs alone",
            hint="give data as (x, y), also where y is x",
        )
    if len(parts) == 1 and isinstance(parts[0], (tuple, list)):
        parts = list(parts[0])
    inputs = tuple(_on(part, place, what) for part in parts)
    everything = inputs if target is None else (*inputs, target)
    for part in everything:
        if not part.ndim or len(part) != len(inputs[0]):
            shapes = ", ".join(str(tuple(p.shape)) for p in everything)
            raise ShapeError(f"{what}: inputs and target must have the same number of samples, got {shapes}")
    return Batch(inputs, target)


def _on(value: Any, place: Place, what: str) -> Any:
    if not is_array(value):
        raise ArgumentTypeError(f"{what}: a batch must consist of tensors, got {type(value).__name__}")
    tensor = tensor_of(value, place.dtype)
    return tensor if place.device in (None, tensor.device) else tensor.to(device=place.device)


def length_of(batches: Any) -> int | None:
    """Return the number of batches, if it is known."""
    try:
        return len(batches)
    except TypeError:
        return None
