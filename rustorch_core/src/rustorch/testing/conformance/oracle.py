"""What is right: the reference backend in float64, from operands that the dtype under test holds exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rustorch.device import Device
from rustorch.testing.conformance.calls import Call, Operand
from rustorch.testing.conformance.numerics import Array, eps

#: Ops whose meaning is a rounding or a bit pattern, so that the oracle computes in the dtype under test.
NARROW = frozenset({"cast", "fill", "random_bits", "random_uniform", "random_normal"})


def _sorted(x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """Sort stably, NaN as the largest."""
    number = x.astype(np.int64) if x.dtype.kind in "bui" else x
    order = np.argsort(-number if descending else number, axis=dim, kind="stable")
    if descending and x.dtype.kind == "f":  # argsort has NaN last in either direction
        blank = np.isnan(np.take_along_axis(x, order, dim))
        order = np.take_along_axis(order, np.argsort(~blank, axis=dim, kind="stable"), dim)
    return np.take_along_axis(x, order, dim), order


#: Ops that the oracle has only as a decomposition, while NumPy has the function itself.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "cos": np.cos,
    "cosh": np.cosh,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sinh": np.sinh,
    "tan": np.tan,
    "hypot": np.hypot,
    "cumsum": lambda x, dim: np.cumsum(x, axis=dim, dtype=x.dtype),
    "sort": _sorted,
}


def answers(call: Call, oracle: Device) -> list[Array | None]:
    """Return the right results of a call."""
    wide = call if call.op in NARROW else call.widened()
    with np.errstate(all="ignore"):
        if call.op not in _FUNCTIONS:
            return wide.results(oracle)
        values = [x.values for x in wide.operands if x is not None]
        found = _FUNCTIONS[call.op](*values, **call.attrs)
        return list(found) if isinstance(found, tuple) else [found]


def magnitudes(call: Call, oracle: Device) -> list[Array | None]:
    """Return the results for the operands' absolute values: of a sum of products, sum |a| |b|."""
    return answers(call.map(lambda x: replace(x, values=np.abs(x.values)) if x.data else x), oracle)


def term_counts(call: Call, oracle: Device) -> list[Array | None]:
    """Return the results for ones: of a sum of products, how many there are."""
    return answers(call.map(lambda x: replace(x, values=np.ones_like(x.values)) if x.data else x), oracle)


def sensitivities(
    call: Call, oracle: Device, expected: list[Array | None], *, tries: int, local: bool
) -> list[Array]:
    """Return how far results move if each operand is off by about one rounding.

    Each element x of every operand gets eps |x| (a normally distributed number) more; of several tries the
    largest change counts.

    Args:
        call: the call, in the dtype under test.
        oracle: the device that computes.
        expected: its results.
        tries: how often.
        local: each element is nudged by its own size; if not, by the typical size of its operand at least,
            since intermediate results of such ops mix elements.
    """
    rng = np.random.default_rng(0)
    moved = [np.zeros(()) if y is None else np.zeros(y.shape) for y in expected]

    def nudged(x: Operand) -> Operand:
        if not x.data or x.values is None:
            return x
        size = np.abs(x.values)
        if not local:
            finite = size[np.isfinite(size)]
            size = np.maximum(size, np.sqrt(np.mean(finite**2)) if finite.size else 0.0)
        return replace(x, values=x.values + eps(x.dtype) * size * rng.standard_normal(size.shape))

    with np.errstate(all="ignore"):
        for _ in range(tries):
            for i, y in enumerate(answers(call.map(nudged), oracle)):
                before = expected[i]
                if y is not None and before is not None:
                    moved[i] = np.fmax(moved[i], np.abs(y - before))
    return moved if local else [lifted(change) for change in moved]


def lifted(change: Array) -> Array:
    """Return changes of at least half the mean, since a few tries move some element hardly at all by chance."""
    finite = change[np.isfinite(change)]
    return np.maximum(change, finite.mean() / 2) if finite.size else change
