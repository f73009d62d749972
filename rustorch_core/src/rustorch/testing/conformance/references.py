"""Whether a call keeps what it was given."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

from rustorch.device import Device
from rustorch.testing.conformance.calls import Call


def kept(call: Call, device: Device, run: Callable[[Any, tuple[Any, ...]], None]) -> list[str]:
    """Return which operands and results are still there when a call on fresh ones is over.

    Args:
        call: what to call.
        device: where.
        run: makes the call: ``run(out, inputs)``.
    """
    out, inputs = call.on(device)
    run(out, inputs)
    device.runtime.synchronize()
    outs = out if call.several else (out,)
    names = [f"result {i}" for i in range(len(outs))] + [f"operand {i}" for i in range(len(inputs))]
    alive = {
        name: weakref.ref(x.storage) for name, x in zip(names, (*outs, *inputs), strict=True) if x is not None
    }
    del out, inputs, outs
    if any(ref() is not None for ref in alive.values()):
        gc.collect()
    return [name for name, ref in alive.items() if ref() is not None]
