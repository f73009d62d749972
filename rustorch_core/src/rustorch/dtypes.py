"""Data types: plain facts about the elements of a tensor, and PyTorch's promotion rules."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rustorch.errors import DTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Promotion categories, lowest first (bool < int < float < complex).
BOOL, INT, FLOAT, COMPLEX = range(4)


class DType:
    """One element type.  There is a single instance of each, so ``is`` compares them.

    ``dtype()`` gives its name, because the documented API writes ``x.dtype()``.
    """

    __slots__ = ("_numpy", "category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name")

    def __init__(self, name: str, itemsize: int, category: int, *, is_signed: bool = True) -> None:
        self.name = name
        self.itemsize = itemsize
        self.category = category
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX
        self.is_signed = is_signed
        self._numpy: np.dtype[Any] | None = None if name == "bfloat16" else np.dtype(name)

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype; for bfloat16 the one that ``ml_dtypes`` registers."""
        if self._numpy is None:
            from ml_dtypes import bfloat16 as host_bfloat16  # imported on use: it costs start-up time

            self._numpy = np.dtype(host_bfloat16)
        return self._numpy

    def __call__(self) -> str:
        """Return the name; so ``x.dtype()`` reads as well as ``x.dtype``."""
        return self.name

    def __repr__(self) -> str:
        return f"rustorch.{self.name}"

    def __str__(self) -> str:
        return f"rustorch.{self.name}"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (dtype_of, (self.name,))

    def __copy__(self) -> DType:
        return self

    def __deepcopy__(self, _memo: object) -> DType:
        return self


bool_ = DType("bool", 1, BOOL, is_signed=False)
uint8 = DType("uint8", 1, INT, is_signed=False)
int8 = DType("int8", 1, INT)
int16 = DType("int16", 2, INT)
int32 = DType("int32", 4, INT)
int64 = DType("int64", 8, INT)
float16 = DType("float16", 2, FLOAT)
bfloat16 = DType("bfloat16", 2, FLOAT)
float32 = DType("float32", 4, FLOAT)
float64 = DType("float64", 8, FLOAT)
complex64 = DType("complex64", 8, COMPLEX)
complex128 = DType("complex128", 16, COMPLEX)

ALL = (
    bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
FLOATING = (float16, bfloat16, float32, float64)
INTEGRAL = (uint8, int8, int16, int32, int64)
COMPLEXES = (complex64, complex128)

_BY_NAME: dict[str, DType] = {d.name: d for d in ALL} | {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
_BY_PYTHON_TYPE: dict[type, DType] = {bool: bool_, int: int64, float: float32, complex: complex64}


def dtype_of(spec: object) -> DType:
    """Return the dtype meant by a DType, a name, a NumPy dtype or a Python number type.

    Raises:
        DTypeError: if nothing is known by that name.
    """
    if isinstance(spec, DType):
        return spec
    if isinstance(spec, type) and spec in _BY_PYTHON_TYPE:
        return _BY_PYTHON_TYPE[spec]
    if isinstance(spec, str):
        name = spec.removeprefix("rustorch.").removeprefix("torch.")
    else:
        try:
            name = np.dtype(spec).name  # type: ignore[call-overload]
        except (TypeError, ValueError):
            name = repr(spec)
    found = _BY_NAME.get(name)
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise DTypeError(f"dtype: expected one of {names}, got {name}")
    return found


@lru_cache(maxsize=256)  # NumPy puts the name together anew each time
def _of_numpy(dtype: np.dtype[Any]) -> DType | None:
    return _BY_NAME.get(dtype.name)


def of_array(array: np.ndarray[Any, Any]) -> DType:
    """Return the dtype of a NumPy array."""
    found = _of_numpy(array.dtype)
    if found is None:
        raise DTypeError(
            f"from_numpy: no dtype for NumPy's {array.dtype}",
            hint="convert it first, e.g. array.astype(np.float32)",
        )
    return found


def _lattice() -> dict[tuple[DType, DType], DType]:
    """PyTorch's table: the smallest type in the higher category that holds both."""
    table: dict[tuple[DType, DType], DType] = {}
    for a in ALL:
        for b in ALL:
            table[a, b] = _join(a, b)
    return table


def _join(a: DType, b: DType) -> DType:
    if a is b:
        return a
    low, high = (a, b) if (a.category, a.itemsize) <= (b.category, b.itemsize) else (b, a)
    if high.category == COMPLEX:
        return complex128 if float64 in (a, b) or complex128 in (a, b) else complex64
    if high.category == FLOAT:
        return float32 if {low, high} == {float16, bfloat16} else high
    if high.category == INT and low.category == INT and low.is_signed != high.is_signed:
        # uint8 with a signed type: the next signed type that holds 0..255
        return int16 if max(low.itemsize, high.itemsize) == 1 else high
    return high


_JOIN = _lattice()

_default_float = float32


def get_default_dtype() -> DType:
    """Return the dtype of tensors made from Python floats (``float32`` at start)."""
    return _default_float


def set_default_dtype(dtype: DType | str) -> None:
    """Set the dtype of tensors made from Python floats; it must be a floating-point dtype."""
    global _default_float
    chosen = dtype_of(dtype)
    if not chosen.is_floating_point:
        raise DTypeError(f"set_default_dtype: a floating-point dtype is required, got {chosen.name}")
    _default_float = chosen
    _BY_PYTHON_TYPE[float] = chosen
    _BY_PYTHON_TYPE[complex] = complex128 if chosen is float64 else complex64


def scalar_dtype(value: object) -> DType:
    """Return the dtype of a Python number taken as a tensor: bool, int64, the default float, or complex."""
    for kind in (bool, int, float, complex):
        if isinstance(value, kind):
            return _BY_PYTHON_TYPE[kind]
    if isinstance(value, np.generic):
        return dtype_of(value.dtype)
    raise DTypeError(f"expected a number, got {type(value).__name__}")


def promote_types(a: DType, b: DType) -> DType:
    """Return the smallest dtype that both convert to, by PyTorch's table."""
    return _JOIN[a, b]


def promote(full: Iterable[DType], zero_dim: Iterable[DType] = (), scalars: Iterable[DType] = ()) -> DType:
    """Promote operands by PyTorch's three ranks: tensors with dims, 0-d tensors, Python numbers.

    A lower rank counts only if its category (bool < int < float < complex) is higher.
    """
    result: DType | None = None
    for rank in (full, zero_dim, scalars):
        joined: DType | None = None
        for dtype in rank:
            joined = dtype if joined is None else _JOIN[joined, dtype]
        if joined is None:
            continue
        if result is None or joined.category > result.category:
            # a float category meeting an int tensor takes the lower rank's own dtype
            result = joined if result is None or not result.is_complex else result
    if result is None:
        raise DTypeError("result_type: at least one operand is required")
    return result


def can_cast(from_: DType, to: DType) -> bool:
    """Return whether a result of dtype `from_` may be written into `to` (no lower category)."""
    return from_.category <= to.category
