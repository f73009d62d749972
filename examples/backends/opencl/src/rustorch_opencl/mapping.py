"""Programs that do something at every place of a shape; see source/map.cl."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from rustorch_opencl.geometry import Strides, pieces
from rustorch_opencl.memory import Block
from rustorch_opencl.programs import Program
from rustorch_opencl.runtime import OpenCLRuntime

View = Any  # an operand as the backend contract describes it


class Operand(NamedTuple):
    """A pointer that walks through a shape: buffer, offset and strides in elements."""

    block: Block
    offset: int
    strides: Strides


def operand(view: View) -> Operand:
    """Return the pointer of a view."""
    return Operand(view.storage.buffer, view.offset, view.strides)


def map_program(
    body: str, pointers: Sequence[str], scalars: Sequence[str] = (), *files: str, **definitions: Any
) -> Program:
    """Make a program of a body in OpenCL C.

    Args:
        body: statements for one place; pointer k is ``pk``, and ``at[k]`` where it stands.
        pointers: types of the elements that the pointers show; the first is the result's.
        scalars: declarations of further arguments.
        *files: with functions that the body calls.
        **definitions: of the program.
    """
    parameters = [f"global {kind} *p{k}" for k, kind in enumerate(pointers)]
    return Program(
        *files,
        "map.cl",
        OPERANDS=len(pointers),
        PARAMETERS=" ".join(f"{p}," for p in [*parameters, *scalars]),
        BODY=body,
        **definitions,
    )


def run(program: Program, shape: Strides, operands: Sequence[Operand], *scalars: Any) -> None:
    """Submit a map over `shape`; nothing where it has no elements."""
    if 0 in shape:
        return
    runtime = operands[0].block.runtime
    memory = [x.block.memory for x in operands]
    plan = pieces(tuple(shape), tuple(x.strides for x in operands), tuple(x.offset for x in operands))
    for piece in plan:
        kernel = program.kernel(runtime, piece.kernel)
        runtime.launch(kernel, (piece.count,), (runtime.group,), *memory, *scalars, piece.plan)


@contextmanager
def scratch(runtime: OpenCLRuntime, nbytes: int) -> Iterator[Block]:
    """Lend a block to the commands submitted in a ``with`` block."""
    block = runtime.allocate(nbytes)
    try:
        yield block
    finally:
        runtime.free(block, nbytes)  # what is submitted later runs later
