"""Judging a call by kernels that are above suspicion, with the budgets of the conformance suite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dispatch.tables import Offer, Table
from rustorch.dtypes import COMPLEX, FLOAT, dtype_of
from rustorch.errors import DeviceError, DTypeError
from rustorch.hardware.call import Call
from rustorch.tape import mode
from rustorch.testing.conformance import budgets, calls
from rustorch.testing.conformance.judge import Error, judge
from rustorch.testing.conformance.numerics import eps, spacing
from rustorch.testing.conformance.oracle import NARROW, answers
from rustorch.testing.conformance.outcomes import letter
from rustorch.testing.op_cases import holds_settings


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said about the results of a call.

    Attributes:
        budgets: the error as a multiple of what the op is allowed; infinity if it is wrong otherwise.
        ulp: the greatest error in units in the last place.
        text: the worst element: what was expected, what was got.
        unknown: why nobody can say what is right, or "".
        raised: whether an error was raised where none was due, or the reverse.
    """

    budgets: float = 0.0
    ulp: float = 0.0
    text: str = ""
    unknown: str = ""
    raised: bool = False

    @property
    def wrong(self) -> bool:
        """Whether the error is larger than the conformance suite lets pass: grade C or worse."""
        return letter(self.budgets, "") not in "AB"


class OwnTable(Table):
    """The kernels of a backend's own plugin: no overrides, no kernels of strangers, no observers.

    With `primitives` only those of ops that have no decomposition; the op `without` is decomposed too.
    """

    __slots__ = ("primitives", "without")

    def __init__(self, device: Device, *, primitives: bool = False, without: str = "") -> None:
        device.info.name  # noqa: B018 - the look-up opens it
        super().__init__(device, device.kernels.offers)
        self.primitives = primitives
        self.without = without

    def candidates(self, name: str) -> list[Offer]:
        """Return the backend's own kernels of an op."""
        op = registry.ops.get(name)
        if op is not None and op.decomposition is not None and (self.primitives or name == self.without):
            return []
        return [offer for offer in self.offers.get(name, []) if not offer.examined]


@contextmanager
def using(device: Device, table: Table) -> Iterator[None]:
    """Let a device work with another kernel table in a ``with`` block, recording nothing."""
    device.info.name  # noqa: B018 - the look-up opens it
    before, recording = device.kernels, mode.grad
    device.kernels, mode.grad = table, False
    try:
        yield
    finally:
        mode.grad = recording
        if device.kernels is table:  # else somebody has swapped in a fresh one meanwhile
            device.kernels = before


class _Narrow(calls.Call):
    """A call for an oracle that has no float64: computed in the dtype itself."""

    def widened(self) -> calls.Call:
        return self


class Oracle:
    """Computes calls again on the kernels of one table, in float64 where its device has that.

    Without float64 the oracle rounds as well, and the budget is doubled.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.device = table.device

    def judge(
        self, call: Call, results: tuple[np.ndarray[Any, Any] | None, ...], error: Exception | None = None
    ) -> Judgement:
        """Judge what a kernel made of a call: its results, or the error that it raised."""
        if isinstance(error, DeviceError):  # no kernel, no memory, no device: nothing about the kernel
            return Judgement(unknown=str(error).partition("\n")[0])
        lacking = {x.dtype for x in (*call.inputs, *call.outs) if x is not None} - self.device.info.dtypes
        wide = not lacking - {"float16", "bfloat16", "float32", "complex64"} and self._widens(call)
        if lacking and not wide:
            return Judgement(unknown=f"{self.device} has no {', '.join(sorted(lacking))}")
        same = _conformed(call, _conformance_call(wide=wide))
        with using(self.device, self.table), np.errstate(all="ignore"):
            try:
                expected = answers(same, self.device)
            except (DeviceError, DTypeError) as missing:
                return Judgement(unknown=str(missing).partition("\n")[0])
            except Exception as due:  # noqa: BLE001 - what a kernel raises is its answer
                return Judgement() if error is not None else _differs("a result", _said(due))
            if error is not None:
                return _differs(_said(error), "a result")
            found = Error()
            for o, got, wanted, budget in zip(
                same.outs, results, expected, self._budget(same, results, expected, wide=wide), strict=True
            ):
                if o is not None and got is not None and wanted is not None:
                    found = found.worse(judge(_widened(got), wanted, o.dtype, budget))
        return Judgement(found.budgets, found.ulp, found.message if found.budgets > 1 else "")

    def _widens(self, call: Call) -> bool:
        wanted = {"complex128" if dtype_of(x.dtype).is_complex else "float64" for x in (*call.inputs, *call.outs)
                  if x is not None and dtype_of(x.dtype).category >= FLOAT}  # fmt: skip
        return call.op not in NARROW and wanted <= self.device.info.dtypes

    def _budget(self, call: calls.Call, results: Any, expected: Any, *, wide: bool) -> list[Any]:
        if budgets.class_of(call) == "stable":
            # the exact budget takes several more calls; most results are well inside of this part of it
            least = [
                4 * spacing(np.abs(y), o.dtype) if o is not None and y is not None and o.dtype.category >= FLOAT
                else None
                for o, y in zip(call.outs, expected, strict=True)
            ]  # fmt: skip
            pairs = zip(call.outs, results, expected, least, strict=True)
            if all(
                o is None or got is None or y is None or judge(_widened(got), y, o.dtype, b).budgets <= 1
                for o, got, y, b in pairs
            ):
                return least
        found = budgets.allowed(call, expected, self.device)
        if budgets.class_of(call) == "stable":
            found = [_with_floor(b, y, o) for b, y, o in zip(found, expected, call.outs, strict=True)]
        if wide or call.op in NARROW:
            return found
        return [
            None if b is None else 2 * b + spacing(np.abs(y), o.dtype)  # type: ignore[union-attr] # b is None with o
            for o, y, b in zip(call.outs, expected, found, strict=True)
        ]


def _with_floor(budget: Any, expected: Any, o: Any) -> Any:
    """Return a budget that forgives what rounding the largest element of a result changes.

    Where logits are far apart, some results of a composed op are tiny differences of large numbers.  That
    they are off matters to a grade, and to no training.
    """
    if budget is None or not expected.size:
        return budget
    finite = np.where(np.isfinite(expected), np.abs(expected), 0.0)
    return budget + eps(o.dtype) * finite.max()


def _conformance_call(*, wide: bool) -> type[calls.Call]:
    return calls.Call if wide else _Narrow


def _conformed(call: Call, kind: type[calls.Call]) -> calls.Call:
    """Return a call as the conformance suite has it: values wide, without their places in memory."""

    def operand(x: Any, position: int) -> calls.Operand | None:
        if x is None:
            return None
        dtype = dtype_of(x.dtype)
        settings = holds_settings(call.op, position, len(call.inputs))  # no rounding of the data touches them
        source = x if x.same_as_result is None else call.outs[x.same_as_result]
        values = source.values
        data = dtype.category >= FLOAT and not settings
        return calls.Operand(x.shape, dtype, data, None if values is None else _widened(values))

    inputs = tuple(operand(x, i) for i, x in enumerate(call.inputs))
    return kind(call.op, inputs, tuple(operand(o, -1) for o in call.outs), call.several, call.attrs)


def _widened(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if values.dtype.kind in "biu":
        return values
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _differs(got: str, wanted: str) -> Judgement:
    return Judgement(math.inf, text=f"expected {wanted}, got {got}", raised=True)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def apart(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], dtype: str) -> float:
    """Return the greatest distance between the elements of two arrays, in ULP; infinity if a dtype is exact."""
    kind = dtype_of(dtype)
    x, y = _widened(x), _widened(y)
    with np.errstate(all="ignore"):
        same = (x == y) | (np.isnan(x) & np.isnan(y)) if kind.category >= FLOAT else x == y
        if same.all():
            return 0.0
        if kind.category < FLOAT:
            return math.inf
        size = np.maximum(np.abs(x), np.abs(y)) if kind.category < COMPLEX else np.abs(x) + np.abs(y)
        away = np.where(same, 0.0, np.abs(x - y) / spacing(size, kind))
    return float(np.nan_to_num(away, nan=math.inf, posinf=math.inf).max())


def own_kernels(device: Device) -> Oracle:
    """Return the oracle that computes on a backend's own kernels."""
    return Oracle(OwnTable(device))


def primitives_only(device: Device) -> Oracle:
    """Return the oracle that trusts a device's primitives and decomposes every other op."""
    return Oracle(OwnTable(device, primitives=True))


def one_decomposed(device: Device, op: str) -> Oracle:
    """Return the oracle that computes one op by its decomposition, on the backend's own kernels."""
    return Oracle(OwnTable(device, without=op))
