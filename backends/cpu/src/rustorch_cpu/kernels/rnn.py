"""The pointwise part of LSTM and GRU cells."""

from __future__ import annotations

from typing import Any

from rustorch.dispatch.contract import Kernel
from rustorch_cpu.dtypes import DTYPES, REAL
from rustorch_cpu.native import lib
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


def kernels() -> list[Kernel]:
    """One closure per op and dtype."""
    ops = ("lstm_cell", "lstm_cell_backward", "gru_cell", "gru_cell_backward")
    return [Kernel(op, _cell(op, d), frozenset({d})) for op in ops for d in sorted(REAL)]
