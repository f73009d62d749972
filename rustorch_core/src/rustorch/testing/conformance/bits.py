"""The bytes of tensors, for results that must be the same."""

from __future__ import annotations

from typing import Any

import numpy as np


def bits(x: Any) -> bytes:
    """Return the bytes of a tensor's elements in order."""
    return np.array(x.detach().numpy(force=True)).tobytes()


def results_of(call: Any, device: Any) -> list[bytes]:
    """Run a call on a device and return the bytes of its results."""
    out, inputs = call.on(device)
    call.run(device, out, inputs)
    return [bits(o) for o in (out if call.several else (out,)) if o is not None]
