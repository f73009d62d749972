"""Elementwise comparisons; `out` is bool.  Any comparison with NaN is False."""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL, REAL
from rustorch_reference.kernels.build import elementwise

KERNELS = [
    elementwise("lt", np.less, REAL),
    elementwise("eq", np.equal, ALL),
]
