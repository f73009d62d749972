"""Comparing a kernel that replaces others with what its op means: what `rustorch.dispatch.trust` asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dispatch.contract import Kernel
from rustorch.dispatch.trust import Verdict
from rustorch.dtypes import DType, dtype_of
from rustorch.errors import DeviceError
from rustorch.hardware.harder import harder
from rustorch.hardware.oracle import Judgement, Oracle, one_decomposed, own_kernels
from rustorch.hardware.peculiar import peculiar
from rustorch.hardware.watch import watched
from rustorch.ops.elementwise import Elementwise
from rustorch.testing.conformance.calls import Call, typed
from rustorch.testing.conformance.checks.layouts import repeated
from rustorch.testing.conformance.references import kept
from rustorch.testing.likely_cases import likely_cases
from rustorch.testing.op_cases import LAYOUTS, Layout, OpCase, dispatch_dtype

#: The backend that says what is right, where it is installed.
_ORACLE = "reference"
#: At most so many cases per dtype; of these the first few in every layout.
_CASES, _IN_EVERY_LAYOUT = 12, 3


def examine(kernel: Kernel, device: Device) -> Verdict:
    """Run a kernel on the op's sample calls, and say what is wrong with it.

    It is compared with the op's decomposition, computed by the reference backend in float64 (by the device
    itself where that is not installed); with the reference's kernel, or the kernel that is replaced, where
    the op has none or its decomposition is the less exact of the two.
    """
    trusted = _trusted(device)
    if "float64" not in trusted.info.dtypes:
        return Verdict(note=f"not examined: neither a reference backend nor float64 on {device}")
    oracles = [own_kernels(trusted)]
    if registry.ops[kernel.op].decomposition is not None:
        oracles.insert(0, one_decomposed(trusted, kernel.op))
    worst, shown, ran, wrong = Judgement(), "", 0, 0
    usual: Call | None = None
    reason = "no sample call fits its dtypes and condition"
    for trial in _trials(kernel, device, trusted):
        out, inputs = trial.on(device)
        dtype = dispatch_dtype(kernel.op, out, inputs)
        if dtype.name not in kernel.dtypes or not _applies(kernel, out, inputs, trial.call.attrs):
            continue
        judgement = _judged(kernel, dtype, out, inputs, trial.call, oracles)
        if judgement.unknown:
            reason = judgement.unknown
            continue
        ran += 1
        usual = usual or trial.call
        wrong += judgement.wrong
        if judgement.budgets > worst.budgets:
            worst = judgement
            shown = f"{_shown(trial.call)}, {trial.what}"
    if not ran:
        return Verdict(note=f"not examined: {reason}")
    if not worst.wrong:
        return Verdict(wrong=_keeps(kernel, device, usual) if usual else "")
    return Verdict(wrong=f"{shown}: {worst.text} ({wrong} of {ran} calls are wrong)")


def _keeps(kernel: Kernel, device: Device, call: Call) -> str:
    """Say which operands and results a kernel keeps when it is done, or ""."""
    found = kept(call, device, lambda out, inputs: kernel.fn(out, *inputs, **call.attrs))
    return f"{_shown(call)}: keeps {', '.join(found)}" if found else ""


def _trusted(device: Device) -> Device:
    reference = Device(_ORACLE)
    try:
        reference.info.name  # noqa: B018 - opens it
    except DeviceError:
        return device
    return reference


@dataclass(frozen=True, slots=True)
class _Trial:
    """One call that a kernel has to get right."""

    call: Call
    what: str
    layout: Layout = "contiguous"
    in_place: bool = False

    def on(self, device: Device) -> tuple[Any, tuple[Any, ...]]:
        """Return fresh (out, inputs); only elementwise ops write to results that are not contiguous."""
        elementwise = isinstance(registry.ops[self.call.op], Elementwise)
        strided = elementwise and self.layout != "expanded"
        out, inputs = self.call.on(device, [self.layout], self.layout if strided else "contiguous")
        return (inputs[0] if self.in_place else out), inputs


def _trials(kernel: Kernel, device: Device, trusted: Device) -> Iterator[_Trial]:
    """Yield the op's cases in the dtypes and layouts that the kernel declares, and harder ones."""
    cases = sorted(likely_cases(kernel.op, trusted), key=lambda case: _rarity(case, trusted))
    names = sorted(kernel.dtypes & device.info.dtypes, key=_ORDER.index)
    for name in names:
        dtype = dtype_of(name)
        fitting = [case for case in _seen_with(cases, name, trusted) if _held(case, name, device)][:_CASES]
        hard = next((case for case in fitting if _elements(case)), None)
        for number, case in enumerate(fitting):
            call = typed(case, dtype, device)
            what = f"sample {case.origin}"
            every = kernel.layout == "strided" and number < _IN_EVERY_LAYOUT
            for layout in LAYOUTS if every else LAYOUTS[:1]:
                made = repeated(call) if layout == "expanded" else call
                yield _Trial(made, f"{layout}, {what}", layout)
            if case is hard:
                if _in_place(call):
                    yield _Trial(call, f"in place, {what}", in_place=True)
                for why, harder_call in chain(
                    harder(call, dtype, large=name == names[0]), peculiar(call, dtype, device)
                ):
                    yield _Trial(harder_call, f"{why}, after {what}")


#: The dtype that tells most comes first: it is tried with many elements too.
_ORDER = (
    "float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128".split()
)  # fmt: skip


def _elements(case: OpCase) -> bool:
    """Return whether every operand has several elements."""
    return all(x is None or int(np.prod(x.shape)) > 1 for x in case.operands)


def _in_place(call: Call) -> bool:
    """Return whether the op may change its first operand."""
    x, out = call.operands[:1], call.outs[0]
    if not isinstance(registry.ops[call.op], Elementwise) or not x or x[0] is None or out is None:
        return False
    return x[0].dtype is out.dtype and x[0].shape == out.shape


def _seen_with(cases: list[OpCase], dtype: str, trusted: Device) -> list[OpCase]:
    """Return the cases that are made for a dtype: those of its kind, else any if the op is known to take it."""
    kind = dtype_of(dtype).category
    found = [case for case in cases if dtype_of(case.dtype).category == kind]
    if found or not cases:
        return found
    op: Any = registry.ops[cases[0].op]
    if isinstance(op, Elementwise):
        computed = kind in op.allowed and op.result(dtype_of(dtype))[0] is dtype_of(dtype)
        return cases if computed else []
    table: Any = trusted.kernels
    offered = {name for offer in table.offers.get(op.name, []) for name in offer.kernel.dtypes}
    return cases if dtype in offered else []


def _rarity(case: OpCase, trusted: Device) -> tuple[int, int]:
    """Sort cases so that each combination of shapes comes once before one comes twice."""
    shapes = [None if x is None else x.shape for x in case.operands]
    same = [
        c
        for c in likely_cases(case.op, trusted)
        if [None if x is None else x.shape for x in c.operands] == shapes
    ]
    return same.index(case), case.number


def _held(case: OpCase, dtype: str, device: Device) -> bool:
    needed = {x.dtype for x in (*case.operands, *case.outs) if x is not None and not x.floating} - {"float64"}
    return {dtype} | needed <= device.info.dtypes


def _applies(kernel: Kernel, out: Any, inputs: tuple[Any, ...], attrs: dict[str, Any]) -> bool:
    return kernel.when is None or bool(kernel.when(out, *inputs, **attrs))


def _judged(
    kernel: Kernel, dtype: DType, out: Any, inputs: tuple[Any, ...], call: Call, oracles: list[Oracle]
) -> Judgement:
    with np.errstate(all="ignore"):  # special numbers are tried on purpose
        ran = watched(kernel.op, dtype, kernel.fn, out, inputs, call.attrs)
    if ran.trespass:
        return Judgement(float("inf"), text=ran.trespass)
    best = oracles[0].judge(ran.call, ran.results, ran.error)
    for oracle in oracles[1:]:
        if not best.wrong and not best.unknown:
            break
        other = oracle.judge(ran.call, ran.results, ran.error)
        if best.unknown or (not other.unknown and other.budgets < best.budgets):
            best = other
    return best


def _shown(call: Call) -> str:
    operands = ", ".join("None" if x is None else f"{x.dtype.name} {x.shape}" for x in call.operands)
    attrs = "".join(f", {name}={value!r}" for name, value in call.attrs.items())
    return f"{call.op}({operands}{attrs})"
