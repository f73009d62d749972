"""The comparison before a kernel of an override or a stranger is used: what it lets pass and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import rustorch
from rustorch.dispatch.registry import ops
from rustorch.hardware.examining import examine

sys.path.append(str(Path(__file__).resolve().parents[1] / "testing" / "conformance"))
from wrong_kernels import WRONG_KERNELS, planted
from wrong_kernels.planting import kernels_of


def right_kernels():
    """Return a kernel per op of the cpu backend, for float32 if there is one."""
    found = {}
    for kernel in kernels_of("cpu"):
        if kernel.op in ops and (kernel.op not in found or "float32" in kernel.dtypes):
            found[kernel.op] = kernel
    return [pytest.param(kernel, id=op) for op, kernel in sorted(found.items())]


@pytest.mark.parametrize("kernel", right_kernels())
def test_right_kernels_pass(kernel):
    verdict = examine(kernel, rustorch.device("cpu"))
    assert (verdict.wrong, verdict.note) == ("", "")


#: What a fraction of a second does not show; the conformance suite takes minutes for it.
NOT_SEEN = {
    "broadcast_batch": "no batch of matrices with a stride of 0 is tried",
    "order_left_to_chance": "each call is made once",
    "scratch_of_all_threads": "one thread",
    "leaks": "counts of memory belong to all threads of the program",
    "leaks_host_memory": "the same",
    "flushes_denormals": "allowed, with grade B",
    "loses_minus_zero": "0.0 equals -0.0",
}


@pytest.mark.parametrize("wrong", [w for w in WRONG_KERNELS if w.name not in NOT_SEEN], ids=lambda w: w.name)
def test_wrong_kernels_are_refused(wrong):
    with planted(wrong) as name, np.errstate(all="ignore"):
        device = rustorch.device(name)
        device.info.name
        offers = device.kernels.offers[wrong.op]
        verdicts = [examine(offer.kernel, device) for offer in offers if wrong.concerns(offer.kernel)]
    assert any(verdict.wrong.startswith(f"{wrong.op}(") for verdict in verdicts)


def test_most_wrong_kernels_are_refused():
    assert NOT_SEEN.keys() <= {wrong.name for wrong in WRONG_KERNELS}
    assert len(WRONG_KERNELS) - len(NOT_SEEN) >= 55
