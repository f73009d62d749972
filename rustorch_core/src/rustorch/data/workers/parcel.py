"""What a worker starts with: dataset and functions, sent once, large arrays shared by all workers."""

from __future__ import annotations

import os
from multiprocessing import reduction
from typing import Any

import numpy as np

from rustorch.data.workers import memory, packing
from rustorch.errors import ArgumentTypeError

_ALIGN = 64  # bytes: a cache line, and the widest vector

Place = tuple[int, int, int]  # which file, offset, bytes


class Parcel:
    """Holds a value; when a process is started with it, the value goes along.

    A forked process has the value already.  Otherwise it is pickled for every worker, since locks and
    shared counters can only be handed over while their process starts, but large arrays are copied to
    shared memory once; the workers map them privately, as if they had been forked.
    """

    def __init__(self, value: Any) -> None:
        self._value = value
        self._files: list[int] = []
        self._places: dict[tuple[int, int], Place] = {}
        self._arrays: list[Any] = []  # keeps addresses from being used again
        self._copies: packing.Copies = {}

    def open(self) -> Any:
        """Return the value."""
        return self._value

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            stream, arrays = packing.pack(self._value, self._copies)
        except Exception as error:  # a user's __reduce__ may raise anything
            raise _not_sendable(error) from error
        places = self._placed(arrays)
        return _SealedParcel, (stream, places, [reduction.DupFd(file) for file in self._files])

    def _placed(self, arrays: list[memoryview]) -> list[Place]:
        keys = [(np.frombuffer(a, np.uint8).ctypes.data, a.nbytes) for a in arrays]
        missing = {key: a for key, a in zip(keys, arrays, strict=True) if key not in self._places}
        if missing:
            file, end = len(self._files), 0
            for key, array in missing.items():
                self._places[key] = (file, end, array.nbytes)
                end += -(-array.nbytes // _ALIGN) * _ALIGN
            self._files.append(memory.new_file(end))
            segment = memory.attach(self._files[-1], file)
            for key, array in missing.items():
                segment.view(array.nbytes, self._places[key][1])[:] = np.frombuffer(array, np.uint8)
            self._arrays += missing.values()
        return [self._places[key] for key in keys]

    def close(self) -> None:
        """Release the descriptors, once all workers have started."""
        while self._files:
            os.close(self._files.pop())
        self._places.clear()
        self._arrays.clear()
        self._copies.clear()


class _SealedParcel:
    """A parcel that arrived: opened by the worker when it can report what goes wrong."""

    def __init__(self, stream: bytes, places: list[Place], files: list[Any]) -> None:
        self._stream = stream
        self._places = places
        self._files = [file.detach() for file in files]

    def open(self) -> Any:
        segments = []
        for number, file in enumerate(self._files):
            segments.append(memory.attach(file, number, private=True))
            os.close(file)
        return packing.unpack(
            self._stream, [segments[file].view(size, offset) for file, offset, size in self._places]
        )


def _not_sendable(error: Exception) -> ArgumentTypeError:
    return ArgumentTypeError(
        "DataLoader: dataset, collate_fn and worker_init_fn must be picklable to go to worker processes, "
        f"got {type(error).__name__}: {error}",
        hint="define functions and classes at the top of a module instead of lambdas and local ones, "
        'or pass multiprocessing_context="fork"',
    )
