"""Ranges of the number types: ``finfo`` and ``iinfo``."""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch.dtypes import FLOAT, INT, DType, get_default_dtype
from rustorch.errors import DTypeError


class finfo:  # noqa: N801 - PyTorch's name
    """Range and precision of a floating-point dtype; of the default one if none is given.

    >>> import rustorch
    >>> rustorch.finfo(rustorch.float16).max
    65504.0

    Raises:
        DTypeError: for other dtypes.
    """

    def __init__(self, type: DType | None = None) -> None:
        dtype = get_default_dtype() if type is None else type
        if not isinstance(dtype, DType) or dtype.category < FLOAT:
            raise DTypeError(f"finfo: a floating-point dtype is required, got {dtype}", hint="use iinfo()")
        self.dtype = dtype.name
        info: Any
        if dtype.name == "bfloat16":  # NumPy has none: float32's exponents with 7 bits of fraction
            self.bits, self.eps = 16, 2.0**-7
            self.max = float.fromhex("0x1.fep127")
            self.tiny = self.smallest_normal = 2.0**-126
            self.resolution = 0.01
        else:
            info = np.finfo(dtype.numpy)
            self.bits, self.eps, self.max = int(info.bits), float(info.eps), float(info.max)
            self.tiny = self.smallest_normal = float(info.smallest_normal)
            self.resolution = float(info.resolution)
        self.min = -self.max

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:  # noqa: N801 - PyTorch's name
    """Range of an integer dtype.

    >>> import rustorch
    >>> rustorch.iinfo(rustorch.int8).max
    127

    Raises:
        DTypeError: for other dtypes.
    """

    def __init__(self, type: DType) -> None:
        if not isinstance(type, DType) or type.category != INT:
            raise DTypeError(f"iinfo: an integer dtype is required, got {type}", hint="use finfo()")
        info = np.iinfo(type.numpy)
        self.dtype, self.bits = type.name, int(info.bits)
        self.min, self.max = int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
