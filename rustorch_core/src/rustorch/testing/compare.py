"""Comparing results with expectations, with tolerances that fit the dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rustorch.base import TensorBase
from rustorch.dtypes import DType, of_array
from rustorch.errors import ArgumentError, ArgumentTypeError

#: PyTorch's (rtol, atol) by dtype; 0 for what is exact.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    allow_subclasses: bool = True,
    msg: str | None = None,
) -> None:
    r"""Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Args:
        actual: a tensor, NumPy array or number, or sequences and mappings of them.
        expected: the same; shapes must be equal.
        rtol: relative tolerance; if both are None, PyTorch's for the dtype, the larger of the two.
        atol: absolute tolerance.
        equal_nan: whether NaN equals NaN.
        check_device: whether tensors must be on the same device.
        check_dtype: whether dtypes must be equal; otherwise the promoted dtype is compared.
        allow_subclasses: whether a subclass of Tensor compares with a Tensor.
        msg: text to raise with in place of the usual one.

    Raises:
        ArgumentError: if only one of `rtol` and `atol` is given.
        AssertionError: says how many elements differ, the greatest differences and where they are.

    >>> import rustorch
    >>> rustorch.testing.assert_close(rustorch.tensor([1.0]), rustorch.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        raise ArgumentError(
            f"assert_close: rtol and atol are given together or not at all, got {rtol} and {atol}"
        )
    checks = _Checks(rtol, atol, equal_nan, check_device, check_dtype, allow_subclasses)
    difference = checks.difference(actual, expected, "")
    if difference:
        raise AssertionError(msg if msg is not None else difference)


class _Checks:
    """The options of one comparison; `difference` returns the text of the first one found."""

    def __init__(
        self,
        rtol: float | None,
        atol: float | None,
        equal_nan: bool,
        check_device: bool,
        check_dtype: bool,
        allow_subclasses: bool,
    ) -> None:
        self.rtol, self.atol, self.equal_nan = rtol, atol, equal_nan
        self.check_device, self.check_dtype, self.allow_subclasses = (
            check_device,
            check_dtype,
            allow_subclasses,
        )

    def difference(self, actual: Any, expected: Any, where: str) -> str:
        if isinstance(actual, Mapping) and isinstance(expected, Mapping):
            if actual.keys() != expected.keys():
                return f"{_at(where)}The keys differ: {_names(actual)} and {_names(expected)}."
            return self._first((actual[k], expected[k], f"{where}[{k!r}]") for k in expected)
        if _is_sequence(actual) and _is_sequence(expected):
            if len(actual) != len(expected):
                return f"{_at(where)}The lengths differ: {len(actual)} != {len(expected)}."
            pairs = enumerate(zip(actual, expected, strict=True))
            return self._first((a, e, f"{where}[{i}]") for i, (a, e) in pairs)
        if actual is None or expected is None:
            return "" if actual is expected else f"{_at(where)}{actual!r} and {expected!r} differ."
        return self._leaves(actual, expected, where)

    def _first(self, pairs: Any) -> str:
        return next((text for a, e, where in pairs if (text := self.difference(a, e, where))), "")

    def _leaves(self, actual: Any, expected: Any, where: str) -> str:
        if isinstance(actual, TensorBase) and isinstance(expected, TensorBase):
            if self.check_device and actual.device is not expected.device:
                return f"{_at(where)}The devices differ: {actual.device} != {expected.device}."
            if not self.allow_subclasses and type(actual) is not type(expected):
                return f"{_at(where)}The types differ: {type(actual).__name__} != {type(expected).__name__}."
        a, a_dtype = _array(actual)
        e, e_dtype = _array(expected)
        if a.shape != e.shape:
            return f"{_at(where)}The shapes differ: {a.shape} != {e.shape}."
        numbers = not (isinstance(actual, TensorBase) and isinstance(expected, TensorBase))
        if self.check_dtype and not numbers and a_dtype is not e_dtype:
            return f"{_at(where)}The dtypes differ: {a_dtype.name} != {e_dtype.name}."
        rtol, atol = self._tolerances(a_dtype, e_dtype)
        return _mismatch(a, e, rtol, atol, self.equal_nan, where)

    def _tolerances(self, a: DType, e: DType) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(d.name, (0.0, 0.0)) for d in (a, e)]
        return max(p[0] for p in pairs), max(p[1] for p in pairs)


def _mismatch(a: Any, e: Any, rtol: float, atol: float, equal_nan: bool, where: str) -> str:
    wide = np.complex128 if "c" in (a.dtype.kind, e.dtype.kind) else np.float64
    exact = a.dtype.kind in "biu" and e.dtype.kind in "biu" and rtol == atol == 0
    if not exact:
        a, e = a.astype(wide), e.astype(wide)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        close = (
            (a == e) if exact else (a == e) | (np.isfinite(e) & (np.abs(a - e) <= atol + rtol * np.abs(e)))
        )
        if equal_nan and not exact:
            close |= np.isnan(a) & np.isnan(e)
        if close.all():
            return ""
        far = np.abs(a.astype(wide) - e.astype(wide))
        relative = np.where(far == 0, 0.0, far / np.abs(e.astype(wide)))
    bad = ~close
    if a.ndim == 0:
        return (
            f"{_at(where)}Scalars are not close: expected {e[()]!s}, got {a[()]!s}.\n"
            f"Absolute difference: {far[()]:.6g} (up to {atol:g} allowed)\n"
            f"Relative difference: {relative[()]:.6g} (up to {rtol:g} allowed)"
        )
    worst, steep = _worst(far, bad), _worst(relative, bad)
    return (
        f"{_at(where)}Tensors are not close.\n"
        f"Mismatched elements: {int(bad.sum())} / {bad.size} ({100 * bad.mean():.1f} %)\n"
        f"Greatest absolute difference: {far[worst]:.6g} at index {worst} (up to {atol:g} allowed)\n"
        f"Greatest relative difference: {relative[steep]:.6g} at index {steep} (up to {rtol:g} allowed)\n"
        f"There, expected {e[worst]!s}, got {a[worst]!s}."
    )


def _worst(size: Any, bad: Any) -> tuple[int, ...]:
    """Return the index of the greatest difference among the bad elements; NaN counts as greatest."""
    ranked = np.where(bad, np.where(np.isnan(size), np.inf, size), -1.0)
    return tuple(int(i) for i in np.unravel_index(int(ranked.argmax()), ranked.shape))


def _array(value: Any) -> tuple[Any, DType]:
    """Return a NumPy array (bfloat16 widened) and the dtype it had."""
    if isinstance(value, TensorBase):
        dtype = value.dtype
        found = value.detach().numpy(force=True)
    elif isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        found = np.asarray(value)
        dtype = of_array(found)
    else:
        raise ArgumentTypeError(
            "assert_close: tensors, arrays, numbers, or sequences and mappings of them are required, "
            f"got {type(value).__name__}"
        )
    return found.astype(np.float32) if dtype.name == "bfloat16" else found, dtype


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _names(mapping: Mapping[Any, Any]) -> list[Any]:
    return sorted(mapping, key=repr)


def _at(where: str) -> str:
    return f"At {where}: " if where else ""
