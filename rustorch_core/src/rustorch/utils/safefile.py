"""Files in the safetensors format: bytes of tensors behind a JSON header; nothing in them can run.

The package of that name reads and writes the format; here are its dtypes, its errors in RusTorch's words,
and files that take the place of others only when they are whole.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rustorch.errors import SerializationError

_LONGEST_HEADER = 100_000_000  # the format's own limit; a file begins with the length of its header

#: Codes of the format and the dtypes that they stand for.
DTYPE_OF_CODE = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}  # fmt: skip
CODE_OF_DTYPE = {dtype: code for code, dtype in DTYPE_OF_CODE.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file: its format code, its shape and its bytes."""

    code: str
    shape: tuple[int, ...]
    data: np.ndarray[Any, np.dtype[np.uint8]]


def write(stream: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> None:
    """Write contiguous arrays and metadata."""
    from safetensors.numpy import save

    stream.write(save(dict(arrays), dict(metadata)))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends well, and never half-written."""
    target = Path(os.path.realpath(path))  # through links, as any writing would
    if target.exists() and not target.is_file() and not target.is_dir():
        # a pipe or device takes bytes; a file must not take its place
        with target.open("wb") as stream:
            yield stream
        return
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise SerializationError(f"save: {target} cannot be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _take_mode(Path(name), target)
        Path(name).replace(target)
    except OSError as error:
        raise SerializationError(f"save: {target} cannot be written: {error.strerror or error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _take_mode(made: Path, target: Path) -> None:
    """Give the file the permissions of the one that it replaces, or those of any new file."""
    if target.exists():
        made.chmod(target.stat().st_mode & 0o777)
    else:
        mask = os.umask(0)
        os.umask(mask)
        made.chmod(0o666 & ~mask)


def read(stream: BinaryIO, where: str) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the tensors and the metadata of a file.

    Args:
        stream: a file that can be sought in.
        where: what to call it in errors.

    Raises:
        SerializationError: if it is not, or not wholly, a file of this format; says what is wrong.
    """
    from safetensors import SafetensorError, deserialize

    start = stream.tell()
    _refuse_pickles(stream.read(8), where)  # before gigabytes of them are read
    stream.seek(start)
    data = stream.read()
    try:
        found = dict(deserialize(data))
    except SafetensorError as error:
        raise SerializationError(f"load: {where} is truncated or not valid: {error}") from error
    try:
        # the package keeps the metadata to itself, and the last of several tensors of one name
        header = json.loads(
            data[8 : 8 + int.from_bytes(data[:8], "little")], object_pairs_hook=_without_repeats
        )
    except ValueError as error:
        raise SerializationError(f"load: the header of {where} is not valid: {error}") from error
    metadata = header.pop("__metadata__", None) or {}
    return {name: _entry(name, found[name], where) for name in header}, metadata


def _refuse_pickles(first: bytes, where: str) -> None:
    if int.from_bytes(first, "little") <= _LONGEST_HEADER:
        return
    if first.startswith(b"PK\x03\x04") or (first[0] == 0x80 and first[1] in range(2, 6)):
        raise SerializationError(
            f"load: {where} is a pickle or a PyTorch archive, which can run code when it is "
            "read, and is never read",
            hint="in PyTorch: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
        )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _entry(name: str, found: Mapping[str, Any], where: str) -> Entry:
    code = found["dtype"]
    if code not in DTYPE_OF_CODE:
        raise SerializationError(
            f"load: tensor {name!r} of {where} has dtype {code}, which RusTorch does not have",
            hint=f"it reads {', '.join(DTYPE_OF_CODE)}",
        )
    return Entry(code, tuple(found["shape"]), np.frombuffer(found["data"], np.uint8))
