"""Recurrent cells after their products, and recurrent layers over whole sequences."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import ffi, lib
from rustorch_cpu.status import raise_status


def _cell(op: str, dtype: str) -> Any:
    """``kernel(outs, *inputs)`` for the C function of that name: addresses, then rows and hidden units."""
    dtype_id, _ = DTYPES[dtype]
    call = getattr(lib, f"rt_{op}")

    def kernel(outs, *inputs):
        rows, hidden = inputs[-1].shape  # the last operand is a state in every cell
        addresses = [view.address for view in (*outs, *inputs)]
        status = call(dtype_id, *addresses, rows, hidden)
        if status:
            raise_status(op, status)

    return kernel


@lru_cache(maxsize=256)
def _sequence(steps, rows, hidden, reverse, relu, running):
    """Return the C record of these sizes, and what it points to; a model has few."""
    counts = ffi.NULL if running is None else ffi.new("int64_t[]", running)
    return ffi.new("struct rt_sequence *", (steps, rows, hidden, reverse, relu, counts)), counts


def _layer(op: str, dtype: str, states: int) -> Any:
    """``kernel(outs, *inputs)`` for a C function; operand number `states` is (steps, rows, hidden)."""
    dtype_id, _ = DTYPES[dtype]
    call = getattr(lib, f"rt_{op}")

    def kernel(out, *inputs, reverse, running, relu=False):
        outs = out if out.__class__ is tuple else (out,)
        operands = (*outs, *inputs)
        record, _ = _sequence(*operands[states].shape, reverse, relu, running)
        status = call(dtype_id, *[0 if view is None else view.address for view in operands], record)
        if status:
            raise_status(op, status)

    return kernel


#: Layers, and which operand (results first) holds a state for every step.
LAYERS = {
    "lstm_layer": 0,
    "lstm_layer_backward": 3,
    "gru_layer": 0,
    "gru_layer_backward": 3,
    "rnn_layer": 0,
    "rnn_layer_backward": 2,
}


def kernels() -> list[Kernel]:
    """One closure per op and dtype."""
    cells = ("lstm_cell", "lstm_cell_backward", "gru_cell", "gru_cell_backward")
    return [
        *(Kernel(op, _cell(op, d), frozenset({d})) for op in cells for d in sorted(REAL)),
        *(Kernel(op, _layer(op, d, at), frozenset({d})) for op, at in LAYERS.items() for d in sorted(REAL)),
    ]
