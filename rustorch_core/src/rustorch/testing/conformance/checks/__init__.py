"""The checks of one op in one dtype.

A check yields (name of the case, function that runs it and records what became of it), so that one case
can be repeated by its name without running the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rustorch.testing.conformance.checks.fuzz import fuzz
from rustorch.testing.conformance.checks.large import large
from rustorch.testing.conformance.checks.layouts import layouts
from rustorch.testing.conformance.checks.refusals import refusals
from rustorch.testing.conformance.checks.samples import repeat, samples
from rustorch.testing.conformance.checks.sizes import sizes
from rustorch.testing.conformance.checks.special import special
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.subject import Subject

Case = tuple[str, Callable[[Recorder], None]]
Check = Callable[[Subject], Iterator[Case]]

CHECKS: dict[str, Check] = {
    "samples": samples,
    "repeat": repeat,
    "layouts": layouts,
    "sizes": sizes,
    "special": special,
    "large": large,
    "refusals": refusals,
    "fuzz": fuzz,
}

#: The checks of the boot tier.
BOOT_CHECKS = ("samples", "layouts", "sizes")
