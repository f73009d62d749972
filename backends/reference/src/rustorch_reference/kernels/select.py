"""Elementwise choice between two operands."""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import ALL
from rustorch_reference.kernels.build import strided
from rustorch_reference.views import View, array


def where(out: View, cond: View, a: View, b: View) -> None:
    """``out[i] = a[i] if cond[i] else b[i]``."""
    array(out)[...] = np.where(array(cond), array(a), array(b))


KERNELS = [strided("where", where, ALL)]
