"""``save`` and ``load``: tensors and plain data in one file that cannot run code."""

from __future__ import annotations

import json
import os
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rustorch.base import allocate
from rustorch.device import Device, as_device
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentTypeError, SerializationError
from rustorch.ops.creation import adopt, from_host, require_grad
from rustorch.shape import Shape
from rustorch.utils import safefile
from rustorch.utils.safefile import CODE_OF_DTYPE, DTYPE_OF_CODE, Entry
from rustorch.utils.tree import Encoder, decode

#: Written into every file; a reader refuses what is newer than it knows.
FORMAT_VERSION = 1
_MARK = "rustorch"
_CHECK = "rustorch_crc32"
_COMPLEX = {"complex64": "F32", "complex128": "F64"}  # stored as pairs (real, imaginary)


FileLike = str | os.PathLike[str] | BinaryIO


def save(obj: Any, f: FileLike) -> None:
    """Write tensors and plain data to a file in the safetensors format.

    Args:
        obj: a tensor, or dicts, lists and tuples (nested) of tensors, numbers, strings and None, such as a
            ``state_dict()``.  Tensors that are the same view of the same memory are written once.
        f: a path, or a binary file open for writing.

    Raises:
        SerializationError: if `obj` holds anything else, or the file cannot be written.

    A path is replaced at once, when everything has been written: a crash leaves the old file.
    The file holds no device: :func:`load` puts the tensors where they are wanted.

    >>> import rustorch
    >>> rustorch.save({"weight": rustorch.ones(2), "epoch": 3}, "state.safetensors")
    >>> rustorch.load("state.safetensors")
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    write_content("object", obj, f)


def load(f: FileLike, map_location: Device | str | None = None, *, weights_only: bool = True) -> Any:
    """Read what :func:`save` wrote; any other safetensors file gives a dict of its tensors.

    Args:
        f: a path, or a binary file open for reading.
        map_location: the device of the tensors; the default device if None.
        weights_only: accepted because PyTorch has it; nothing but tensors and plain data is ever read.

    Raises:
        SerializationError: if the file is missing, damaged, truncated, of a newer version, or a pickle
            (PyTorch's ``.pt``), which could run code and is never read.
    """
    del weights_only
    kind, content = read_content(f, map_location)
    if kind not in ("object", "tensors", "checkpoint"):
        raise SerializationError(
            f"load: the file holds a {kind}", hint=f"rustorch.utils.load_{kind}(path) reads it"
        )
    return content


def write_content(kind: str, content: Any, f: FileLike) -> None:
    """Write a file whose description says that it holds a `kind`."""
    encoder = Encoder()
    tree = encoder.encode(content)
    arrays = {name: _array_of(x) for name, x in encoder.tensors.items()}
    facts = {
        name: [x.dtype.name, list(x.shape), zlib.crc32(_bytes_of(arrays[name])), bool(x.needs_grad)]
        for name, x in encoder.tensors.items()
    }
    text = json.dumps(
        {"version": FORMAT_VERSION, "kind": kind, "tensors": facts, "content": tree}, allow_nan=False
    )
    metadata = {"format": _MARK, _MARK: text, _CHECK: f"{zlib.crc32(text.encode()):08x}"}
    if isinstance(f, (str, os.PathLike)):
        with safefile.replacing(f) as stream:
            safefile.write(stream, arrays, metadata)
    elif hasattr(f, "write"):
        safefile.write(f, arrays, metadata)
    else:
        raise ArgumentTypeError(f"save: a path or a binary file is required, got {type(f).__name__}")


def _array_of(x: Any) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.ascontiguousarray(x.detach().numpy(force=True)).reshape(x.shape)
    if x.dtype.name in _COMPLEX:
        return np.stack((array.real, array.imag), axis=-1)
    return array


def _bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def read_content(f: FileLike, device: Device | str | None = None) -> tuple[str, Any]:
    """Return the kind of a file and its content; a foreign safetensors file is of kind "tensors"."""
    named = isinstance(f, (str, os.PathLike))
    if not named and not hasattr(f, "readinto"):
        raise ArgumentTypeError(f"load: a path or a binary file is required, got {type(f).__name__}")
    where = str(f) if named else "the file"
    try:
        with Path(f).open("rb") if isinstance(f, (str, os.PathLike)) else nullcontext(f) as stream:
            entries, metadata = safefile.read(stream, where)
    except OSError as error:
        raise SerializationError(f"load: {where} cannot be read: {error.strerror or error}") from error
    target = as_device(device)
    if not any(_MARK in text for item in metadata.items() for text in item):
        return "tensors", {name: _tensor_of(entry, target) for name, entry in entries.items()}
    description = _description(metadata, where)
    _check_tensors(description["tensors"], entries, where)
    tensors = {}
    for name, (dtype, _, _, needs_grad) in description["tensors"].items():
        tensors[name] = _tensor_of(entries.pop(name), target, dtype)
        if needs_grad:
            require_grad(tensors[name])
    return description["kind"], decode(description["content"], tensors)


def _description(metadata: dict[str, str], where: str) -> dict[str, Any]:
    text = metadata.get(_MARK, "")
    if metadata.get("format") != _MARK or metadata.get(_CHECK) != f"{zlib.crc32(text.encode()):08x}":
        raise SerializationError(f"load: {where} is damaged: the checksum of its description does not match")
    try:
        found = json.loads(text)
        version, kind = found["version"], found["kind"]
        if version == FORMAT_VERSION and not (isinstance(found["tensors"], dict) and "content" in found):
            raise TypeError("no tensors")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SerializationError(f"load: the description in {where} is not valid: {error!r}") from error
    if version != FORMAT_VERSION or not isinstance(kind, str):
        raise SerializationError(
            f"load: {where} has format version {version}, this RusTorch reads {FORMAT_VERSION}",
            hint="pip install --upgrade rustorch",
        )
    return found  # type: ignore[no-any-return]


def _check_tensors(facts: dict[str, Any], entries: dict[str, Entry], where: str) -> None:
    if facts.keys() != entries.keys():
        raise SerializationError(f"load: {where} is damaged: its tensors are not those of its description")
    for name, entry in entries.items():
        try:
            dtype, shape, checksum, _ = facts[name]
            code = _COMPLEX.get(dtype) or CODE_OF_DTYPE[dtype]
            whole = (*shape, 2) if dtype in _COMPLEX else tuple(shape)
        except (TypeError, ValueError, KeyError) as error:
            raise SerializationError(f"load: the description of {name!r} in {where} is not valid") from error
        if (entry.code, entry.shape) != (code, whole) or zlib.crc32(entry.data.data) != checksum:
            raise SerializationError(f"load: {where} is damaged: tensor {name!r} does not match its checksum")


def _tensor_of(entry: Entry, device: Device, dtype: str | None = None) -> Any:
    kind = dtype_of(dtype or DTYPE_OF_CODE[entry.code])
    shape = entry.shape[:-1] if kind.is_complex else entry.shape
    if not entry.data.size:
        return allocate(Shape(shape), kind, device)
    array = entry.data.view(kind.numpy).reshape(shape)
    made = adopt(array, device) if device.info.host_memory else from_host(array, device)
    if kind.name not in device.info.dtypes:
        raise SerializationError(f"load: {kind.name} does not exist on device {device}")
    return made
