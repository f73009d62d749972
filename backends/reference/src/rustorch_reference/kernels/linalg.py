"""Matrix products."""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL
from rustorch_reference.kernels.build import elementwise

# (..., M, K) @ (..., K, N): wide and rounded once, like an elementwise formula.  bool: or of ands.
KERNELS = [elementwise("matmul", np.matmul, ALL)]
