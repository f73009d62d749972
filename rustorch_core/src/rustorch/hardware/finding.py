"""What ``rustorch.bisect`` tells: the first wrong op of a step, and how to see it again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rustorch.device import Device, as_device
from rustorch.dispatch import registry
from rustorch.dispatch.provenance import Source
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError
from rustorch.hardware.call import Call
from rustorch.hardware.oracle import Judgement, Oracle, own_kernels, primitives_only
from rustorch.hardware.watch import watched

_KINDS = {
    "result": "its result is wrong",
    "error": "it raises where it should not, or the reverse",
    "trespass": "it writes what is not its result",
    "inexact": "its result exceeds its budget, though not by much",
    "nondeterministic": "it gives different results for the same inputs",
}


@dataclass(slots=True, eq=False)
class Finding:
    """The op that is wrong by itself.

    Attributes:
        op: its name.
        kind: "result", "error" (raised where none is due, or the reverse), "trespass" (it wrote what is not
            its result); or milder, "inexact" (grade B) or "nondeterministic".
        number: of the launch in the step, counted from 1; ops inside of a decomposition have that of the
            op which is decomposed.
        phase: "forward", "backward" or "optimizer".
        inside: the ops whose decomposition it ran in, the outermost first; empty for most.
        call: what the kernel was given: shapes, dtypes, strides, values.
        source: who supplied the kernel, and why.
        judgement: its own error on these inputs, and the worst element.
        device: where it ran.
        inherited: by how many ULP its inputs differed from those of the trusted run; None if unknown.
        inherited_note: why it is unknown.
    """

    op: str
    kind: str
    number: int
    phase: str
    inside: tuple[str, ...]
    call: Call
    source: Source
    judgement: Judgement
    device: str
    inherited: float | None = None
    inherited_note: str = ""

    def __str__(self) -> str:
        place = f" inside of {' > '.join(self.inside)}" if self.inside else ""
        lines = [
            f"{self.op}, launch {self.number}{place}, {self.phase}: {_KINDS[self.kind]}",
            f"  call         {self.call}",
            f"  supplied by  {self.source.explained()}",
            f"  own error    {_amount(self.judgement)}",
        ]
        if self.inherited is not None:
            lines.append(f"  inherited    {_number(self.inherited)} ULP in its inputs")
        elif self.inherited_note:
            lines.append(f"  inherited    unknown: {self.inherited_note}")
        return "\n".join(lines)


@dataclass(slots=True, eq=False)
class BisectReport:
    """The outcome of :func:`rustorch.bisect`; print it.

    Attributes:
        a: the trusted device, or "decomposition".
        b: the device in question.
        finding: the first wrong op; None if there is none.
        launches: how many ops the step launched on `b`, those inside of decompositions not counted.
        checked: how many launches were compared before one was found, those inside of decompositions too.
        unchecked: {op: why nobody could say what is right}.
        errors: {op: (budgets, ULP)}, the greatest own error of each op that was compared.
        results: what the step returned on `a` and `b`, where that is a number.
    """

    a: str
    b: str
    finding: Finding | None
    launches: int
    checked: int
    unchecked: dict[str, str] = field(default_factory=dict)
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)
    results: tuple[Any, Any] = (None, None)

    @property
    def found(self) -> bool:
        """Whether an op is wrong."""
        return self.finding is not None

    @property
    def op(self) -> str | None:
        """The name of the wrong op, or None."""
        return None if self.finding is None else self.finding.op

    def reproduce(self) -> Judgement:
        """Make the one call again, with the kernel that is in force now, and return the judgement on it.

        A kernel whose mistake depends on earlier calls may be right when it is called alone.

        Raises:
            ArgumentError: if nothing was found.
        """
        call = self._found("reproduce").call
        return rerun(call, self.b, self.a)

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Write the call's values to ``path.npz`` and all else to ``path.json``; return both paths.

        ``rustorch.hardware.Call.load(path)`` reads it, `rustorch.hardware.rerun` makes the call again.

        Raises:
            ArgumentError: if nothing was found.
        """
        finding = self._found("save")
        facts = {
            "a": self.a,
            "b": self.b,
            "kind": finding.kind,
            "number": finding.number,
            "phase": finding.phase,
            "inside": list(finding.inside),
            "plugin": str(finding.source),
            "reason": finding.source.reason,
            "budgets": str(finding.judgement.budgets),
            "ulp": str(finding.judgement.ulp),
            "worst": finding.judgement.text,
            "inherited": None if finding.inherited is None else str(finding.inherited),
        }
        return finding.call.save(path, facts)

    def _found(self, what: str) -> Finding:
        if self.finding is None:
            raise ArgumentError(f"{what}: no op was found to be wrong, so there is no call to {what}")
        return self.finding

    def __str__(self) -> str:
        head = f"bisect of {self.b} against {self.a}: {self.launches} launches, {self.checked} compared"
        if self.finding is None:
            lines = [f"{head}, no op is wrong by itself"]
            ranked = sorted(self.errors.items(), key=lambda item: item[1], reverse=True)[:5]
            lines += [f"  {op}: {budgets:.2g} of its budget, {ulp:.3g} ULP" for op, (budgets, ulp) in ranked]
        else:
            lines = [
                head,
                str(self.finding),
                "  again        report.reproduce(); report.save(path) keeps the call",
            ]
        by_reason: dict[str, list[str]] = {}
        for op, why in self.unchecked.items():
            by_reason.setdefault(why, []).append(op)
        lines += [f"  not compared {' '.join(ops)}: {why}" for why, ops in by_reason.items()]
        if any(result is not None for result in self.results):
            lines.append(f"  returned     {self.results[0]} on {self.a}, {self.results[1]} on {self.b}")
        return "\n".join(lines)


def rerun(call: Call, device: Device | str, against: Device | str = "decomposition") -> Judgement:
    """Make one call on a device, with the kernel that is in force there, and judge it.

    Args:
        call: a call, as a report or `Call.load` gives it.
        device: where to run it.
        against: a trusted device, or "decomposition" for the op's own on the same device.
    """
    where = as_device(device)
    out, inputs = call.build(where)
    dtype = dtype_of(call.dtype)
    op = registry.ops[call.op]
    ran = watched(call.op, dtype, where.kernels[call.op][dtype], out, inputs, call.attrs)
    if ran.trespass:
        return Judgement(math.inf, text=ran.trespass)
    oracle: Oracle
    if against != "decomposition":
        oracle = own_kernels(as_device(against))
    else:
        oracle = primitives_only(where) if op.decomposition is not None else own_kernels(where)
    return oracle.judge(ran.call, ran.results, ran.error)


def _amount(judgement: Judgement) -> str:
    if not math.isfinite(judgement.budgets):
        return judgement.text
    size = f"{_number(judgement.ulp)} ULP"
    if judgement.budgets:
        size += f", {judgement.budgets:.3g} times its budget"
    return f"{size}: {judgement.text}"


def _number(value: float) -> str:
    return f"{value:.3g}"
