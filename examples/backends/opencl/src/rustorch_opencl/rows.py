"""Programs in which a group of work-items folds each row; see source/rows.cl."""

from __future__ import annotations

from typing import Any

from rustorch_opencl.geometry import longs
from rustorch_opencl.mapping import View
from rustorch_opencl.programs import Program, computing_in
from rustorch_opencl.runtime import OpenCLRuntime
from rustorch_opencl.types import TYPES

SHORT = 32  # up to here one work-item does a whole row
GROUP = 64  # work-items of a group


class RowProgram:
    """A file of kernels on rows, compiled for short and for long rows."""

    def __init__(self, file: str, **definitions: Any) -> None:
        self._programs = {
            width: Program("rows.cl", file, WIDTH=width, ROWS=GROUP // width, **definitions)
            for width in (1, GROUP)
        }

    def launch(self, runtime: OpenCLRuntime, kernel: str, rows: int, length: int, *arguments: Any) -> None:
        """Submit a kernel for `rows` rows of about `length` elements."""
        if rows == 0:
            return
        width = 1 if length <= SHORT else GROUP
        found = self._programs[width].kernel(runtime, kernel)
        runtime.launch(found, (width, rows), (width, GROUP // width), *arguments)


def pointers(*views: View | None) -> list[Any]:
    """Return the arguments of contiguous views: memory and offset of each; NULL for one that is missing."""
    found: list[Any] = []
    for view in views:
        found += [None, longs(0)] if view is None else [view.storage.buffer.memory, longs(view.offset)]
    return found


def typed(dtype: str) -> dict[str, object]:
    """Return the definitions of a program for one floating-point dtype: S in memory, T = A computed."""
    t = TYPES[dtype]
    names = {"S": t.stored, "A": "T", "LOAD": f"load_{t.tag}", "STORE": f"store_{t.tag}"}
    return computing_in(dtype) | names
