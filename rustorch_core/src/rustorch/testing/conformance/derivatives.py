"""Derivatives of public functions: for every set of operands that require one, and differentiated again.

A gradient that is right where all operands require one may be wrong where only some do, since other
kernels run then; so each set is its own case.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.autograd import grad
from rustorch.device import Device
from rustorch.dtypes import DType, dtype_of
from rustorch.ops.samples import Array as Description
from rustorch.testing.cases import Case, cases
from rustorch.testing.conformance.calls import read
from rustorch.testing.conformance.judge import Error, judge
from rustorch.testing.conformance.numerics import Array, eps, rounded, spacing
from rustorch.testing.conformance.oracle import lifted
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.op_cases import laid_out

Runner = Callable[[Recorder], None]
#: What a run gives: forward results "y0", gradients "d0" of operand 0, and those of the gradients "dd0".
Found = dict[str, Array]


@cache
def functions() -> dict[str, list[Case]]:
    """Return the sample calls of all functions with derivatives, by name."""
    found: dict[str, list[Case]] = {}
    for case in cases(without=frozenset({"random"})):
        if case.function.differentiable and any(a.grad for a in case.operands):
            found.setdefault(case.function.name, []).append(case)
    return found


@dataclass(frozen=True)
class Derivatives:
    """The derivatives of one sample call in one dtype."""

    case: Case
    dtype: DType
    device: Device
    reference: Device
    tries: int

    def subsets(self) -> list[tuple[int, ...]]:
        """Return every set of operands that may require a gradient; all of them first."""
        able = [i for i, a in enumerate(self.case.operands) if a.grad]
        sizes = range(len(able), 0, -1)
        return [subset for size in sizes for subset in itertools.combinations(able, size)]

    def run(
        self, device: Device, dtype: DType, wanted: tuple[int, ...], *, second: bool, nudge: int = 0
    ) -> Found:
        """Run the call on a device, backward, and if `second` backward again.

        Args:
            device: where.
            dtype: of the operands there; their values are those of the dtype under test.
            wanted: the numbers of the operands that require a gradient.
            second: whether to differentiate the gradients.
            nudge: a seed; if not 0, each element is moved by about one rounding.
        """
        operands: list[Any] = []
        args, kwargs = self.case.sample.build(self._maker(device, dtype, wanted, nudge, operands))
        results = self.case.call(args, kwargs)
        found = {f"y{i}": read(y) for i, y in enumerate(results)}
        smooth = [y for y in results if y.requires_grad]
        inputs = [operands[i] for i in wanted]
        if not smooth:
            return found
        first = grad(
            smooth, inputs, [_weights(y, self.dtype) for y in smooth], create_graph=second, allow_unused=True
        )
        found |= {f"d{i}": read(g) for i, g in zip(wanted, first, strict=True) if g is not None}
        again = [g for g in first if g is not None and g.requires_grad]
        if second and again:
            twice = grad(again, inputs, [_weights(g, self.dtype) for g in again], allow_unused=True)
            found |= {f"dd{i}": read(g) for i, g in zip(wanted, twice, strict=True) if g is not None}
        return found

    def _maker(
        self, device: Device, dtype: DType, wanted: tuple[int, ...], nudge: int, operands: list[Any]
    ) -> Callable[[Description], Any]:
        rng = np.random.default_rng(zlib.crc32(self.case.name.encode()))
        noise = np.random.default_rng(nudge)

        def tensor(description: Description) -> Any:
            values = description.make(rng)
            if description.kind != "float":
                return laid_out(values, dtype_of(description.fixed_dtype), device, "contiguous")
            values = rounded(values, self.dtype)
            if nudge and values.size:
                size = np.maximum(np.abs(values), np.sqrt(np.mean(values**2)))
                values = values + eps(self.dtype) * size * noise.standard_normal(values.shape)
            x = laid_out(values, dtype, device, "strided" if description.strided else "contiguous")
            operands.append(x.requires_grad_() if len(operands) in wanted else x)
            return x

        return tensor

    @cached_property
    def expected(self) -> Found:
        """What the oracle finds."""
        return self.run(self.reference, dtypes.float64, self.subsets()[0], second=True)

    @cached_property
    def allowed(self) -> Found:
        """The budget of each result: 4 units, 16 times what nudged operands change, and 8 eps of the largest element.

        The samples and the gradients that are passed back are about 1, so 8 eps are always allowed.
        """
        moved = {what: np.zeros(y.shape) for what, y in self.expected.items()}
        for seed in range(1, self.tries + 1):
            nudged = self.run(self.reference, dtypes.float64, self.subsets()[0], second=True, nudge=seed)
            for what, y in nudged.items():
                if y.dtype.kind == "f":
                    with np.errstate(invalid="ignore"):
                        moved[what] = np.fmax(moved[what], np.abs(y - self.expected[what]))
        moved = {what: lifted(change) for what, change in moved.items()}
        slack = 4.0 if self.dtype is dtypes.float64 else 1.0
        return {
            what: slack
            * (4 * spacing(y, self.dtype) + 16 * moved[what] + 8 * eps(self.dtype) * max(1.0, _largest(y)))
            for what, y in self.expected.items()
            if y.dtype.kind == "f"
        }

    def compare(self, wanted: tuple[int, ...], grade: Recorder, *, second: bool) -> None:
        """Run it on the device under test and record the largest error."""
        found = self.run(self.device, self.dtype, wanted, second=second)
        expected = self.expected
        if (
            second and wanted != self.subsets()[0]
        ):  # a second gradient sums over the first ones that there are
            expected = self.run(self.reference, dtypes.float64, wanted, second=True)
        worst = Error()
        for what, y in found.items():
            if second and what.startswith("y"):
                continue
            if what not in expected:
                grade.wrong(f"{what}: no gradient is due here, got one")
                return
            exact = y.dtype.kind != "f"
            allowed = self.allowed.get(what)
            if allowed is not None and what.startswith("dd"):
                allowed = 4 * allowed  # the gradients that are differentiated have errors of their own
            error = judge(y, expected[what], dtypes.int64 if exact else self.dtype, allowed)
            worst = worst.worse(
                Error(
                    error.budgets, error.ulp, f"{_NAMES[what.rstrip('0123456789')]} {what}: {error.message}"
                )
            )
        missing = {f"d{i}" for i in wanted} & expected.keys() - found.keys()
        if missing:
            grade.wrong(f"a gradient is due for {', '.join(sorted(missing))}, got none")
            return
        grade.measured(worst.budgets, worst.ulp, worst.message)


_NAMES = {"y": "result", "d": "gradient", "dd": "second gradient"}


def _largest(y: Array) -> float:
    finite = np.abs(y[np.isfinite(y)])
    return float(finite.max()) if finite.size else 0.0


def _weights(y: Any, dtype: DType) -> Any:
    """Return a gradient for a result in which no two elements are alike."""
    rng = np.random.default_rng(y.shape.elements)
    return laid_out(rounded(rng.uniform(0.5, 1.5, tuple(y.shape)), dtype), y.dtype, y.device, "contiguous")


def derivatives(
    function: str, dtype: DType, device: Device, reference: Device, selection: Selection
) -> Iterator[tuple[str, str, Runner]]:
    """Yield (check, case, function that runs it) for a public function in a dtype."""
    for case in functions()[function][: 2 if selection.quick else None]:
        work = Derivatives(case, dtype, device, reference, 3 if selection.quick else 6)
        for wanted in work.subsets():
            name = ",".join(map(str, wanted))
            yield "gradients", f"{case.number}-{name}", partial(work.compare, wanted, second=False)
        for wanted in work.subsets()[: 1 if selection.quick else None]:
            name = ",".join(map(str, wanted))
            yield "second gradients", f"{case.number}-{name}", partial(work.compare, wanted, second=True)


def grade_derivatives(
    function: str, dtype: DType, device: Device, reference: Device, selection: Selection, grade: Recorder
) -> None:
    """Run the derivatives of a public function in a dtype, and record what became of each case."""
    for check, case, run in derivatives(function, dtype, device, reference, selection):
        if selection.has_case(check, case):
            with grade.case(function, dtype.name, case, check=check):
                run(grade)


def gradient_pairs(device: Device, selection: Selection) -> Iterator[tuple[str, DType]]:
    """Yield the functions and dtypes whose derivatives are graded on a device; the quick tier takes float32."""
    for function in functions():
        for dtype in (dtypes.float32,) if selection.quick else dtypes.FLOATING:
            if dtype.name in device.info.dtypes and selection.has(function, dtype.name):
                yield function, dtype
