"""Deliberately wrong kernels, each imitating a bug that a real backend had or could have.

`WRONG_KERNELS` lists them; ``with planted(wrong) as device:`` makes a device that is a host backend
(the record's `backend`) in everything but that one kernel.  The conformance suite must catch each.
"""

from wrong_kernels import layouts, memory, numerics, semantics, state
from wrong_kernels.planting import WrongKernel, planted

WRONG_KERNELS = [wrong for family in (layouts, state, memory, numerics, semantics) for wrong in family.WRONG]

__all__ = ["WRONG_KERNELS", "WrongKernel", "planted"]
