"""Files in the safetensors format: bytes of tensors behind a JSON header; nothing in them can run.

Layout: 8 bytes with the length of the header (little-endian), the header, the tensors without gaps.
The header maps names to ``{"dtype", "shape", "data_offsets"}``, and ``__metadata__`` to strings.
(https://huggingface.co/docs/safetensors)
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rustorch.errors import SerializationError

METADATA = "__metadata__"
_LONGEST_HEADER = 100_000_000  # the format's own limit

#: Codes of the format and the dtypes that they stand for.
DTYPE_OF_CODE = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
}  # fmt: skip
CODE_OF_DTYPE = {dtype: code for code, dtype in DTYPE_OF_CODE.items()}
SIZE_OF_CODE = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8, "F16": 2, "BF16": 2, "F32": 4, "F64": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file: its format code, its shape and its bytes."""

    code: str
    shape: tuple[int, ...]
    data: np.ndarray[Any, np.dtype[np.uint8]]


def write(stream: BinaryIO, entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata, the widest dtypes first so that every tensor is aligned."""
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    ordered = sorted(entries.items(), key=lambda item: (-SIZE_OF_CODE[item[1].code], item[0]))
    position = 0
    for name, entry in ordered:
        end = position + entry.data.nbytes
        header[name] = {"dtype": entry.code, "shape": list(entry.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little"))
    stream.write(text)
    for _, entry in ordered:
        stream.write(entry.data.data)


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
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END) - start
    stream.seek(start)
    first = stream.read(8)
    if len(first) < 8:
        raise SerializationError(f"load: {where} is truncated: it has {size} bytes, the shortest file 8")
    length = int.from_bytes(first, "little")
    if length > min(size - 8, _LONGEST_HEADER):
        _refuse_pickles(first, where)
        raise SerializationError(
            f"load: {where} is truncated or not a safetensors file: a header of {length} bytes, "
            f"{size - 8} are left"
        )
    header, metadata = _parsed(stream.read(length), where)
    _check_extent(header, size - 8 - length, where)
    entries = {}
    for name, (code, shape, begin, end) in header.items():
        stream.seek(start + 8 + length + begin)
        data = np.empty(end - begin, np.uint8)
        if stream.readinto(data.data) != data.nbytes:  # type: ignore[attr-defined]
            raise SerializationError(f"load: {where} is truncated inside tensor {name!r}")
        entries[name] = Entry(code, shape, data)
    return entries, metadata


def _refuse_pickles(first: bytes, where: str) -> None:
    # read as a length these are far greater than any file, so no file of this format begins so
    if first.startswith(b"PK\x03\x04") or (first[0] == 0x80 and first[1] in range(2, 6)):
        raise SerializationError(
            f"load: {where} is a pickle or a PyTorch archive, which can run code when it is "
            "read, and is never read",
            hint="in PyTorch: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')",
        )


_Span = tuple[str, tuple[int, ...], int, int]


def _parsed(text: bytes, where: str) -> tuple[dict[str, _Span], dict[str, str]]:
    try:
        header = json.loads(text.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise SerializationError(f"load: the header of {where} is not valid: {error}") from error
    if not isinstance(header, dict):
        raise SerializationError(f"load: the header of {where} is not valid: it is no object")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise SerializationError(f"load: the header of {where} is not valid: metadata must be strings")
    return {name: _span(name, value, where) for name, value in header.items()}, metadata


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _span(name: str, value: Any, where: str) -> _Span:
    try:
        code, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
        whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        if len(value) != 3 or not whole or not isinstance(code, str):
            raise TypeError
    except (TypeError, KeyError, ValueError):
        raise SerializationError(f"load: the header of {where} is not valid: tensor {name!r}") from None
    if code not in SIZE_OF_CODE:
        raise SerializationError(
            f"load: tensor {name!r} of {where} has dtype {code}, which RusTorch does not have",
            hint=f"it reads {', '.join(SIZE_OF_CODE)}",
        )
    if end - begin != prod(shape) * SIZE_OF_CODE[code]:
        raise SerializationError(
            f"load: the header of {where} is not valid: tensor {name!r} of {code} and shape {tuple(shape)} "
            f"takes {prod(shape) * SIZE_OF_CODE[code]} bytes, got {end - begin}"
        )
    return code, tuple(shape), begin, end


def _check_extent(header: dict[str, _Span], available: int, where: str) -> None:
    """Check that the tensors fill the rest of the file without gaps or overlaps."""
    position = 0
    for name, (_, _, begin, end) in sorted(header.items(), key=lambda item: item[1][2:]):
        if begin != position:
            raise SerializationError(
                f"load: the header of {where} is not valid: a gap or overlap at tensor {name!r}"
            )
        position = end
    if position != available:
        raise SerializationError(
            f"load: {where} is {'truncated' if position > available else 'too long'}: "
            f"its tensors take {position} bytes, {available} are there"
        )
