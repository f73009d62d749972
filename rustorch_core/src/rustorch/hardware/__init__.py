"""For the user who switches hardware: what will happen on a device, and how to move to it."""

from rustorch.hardware.bisection import bisect
from rustorch.hardware.call import Call
from rustorch.hardware.finding import BisectReport, Finding, rerun
from rustorch.hardware.migration import Migration, migrate
from rustorch.hardware.planning import plan
from rustorch.hardware.plans import Plan, PlannedOp

__all__ = [
    "BisectReport",
    "Call",
    "Finding",
    "Migration",
    "Plan",
    "PlannedOp",
    "bisect",
    "migrate",
    "plan",
    "rerun",
]
