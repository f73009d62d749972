"""Running the checks of ops: what the tests of the suite and `run` are made of."""

from __future__ import annotations

from collections.abc import Iterator

from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dtypes import DType
from rustorch.errors import MissingKernelError
from rustorch.testing.conformance.checks import BOOT_CHECKS, CHECKS
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection
from rustorch.testing.conformance.subject import Subject
from rustorch.testing.conformance.subjects import boot_ops, dtypes_to_grade, ops_to_grade
from rustorch.testing.conformance.support import source_of


def pairs(device: Device, selection: Selection) -> Iterator[tuple[str, DType]]:
    """Yield the ops and dtypes that are graded on a device."""
    for op in boot_ops() if selection.boot else ops_to_grade():
        for dtype in dtypes_to_grade(op, device):
            named = dtype.name in selection.dtypes
            if selection.has(op, dtype.name) and (named or not selection.quick or dtype.name not in _RARE):
                yield op, dtype


#: Dtypes that the quick tier leaves out unless they are named.
_RARE = frozenset({"int8", "int16", "complex128"})
#: What the quick tier checks of an op that is decomposed: its kernels have had the other checks.
_DECOMPOSED = ("samples", "special")


def grade_op(
    op: str, dtype: DType, device: Device, reference: Device, selection: Selection, grade: Recorder
) -> None:
    """Run the checks of one op in one dtype and record what became of each case."""
    if source_of(op, dtype, device) == "missing":
        _must_say_so(op, dtype, device, reference, selection, grade)
        return
    subject = Subject(op, dtype, device, reference, selection)
    for name in _checks(op, dtype, device, selection):
        check = CHECKS[name]
        for case, run in check(subject):
            if selection.has_case(name, case):
                with grade.case(op, dtype.name, case, check=name):
                    run(grade)


def _checks(op: str, dtype: DType, device: Device, selection: Selection) -> list[str]:
    short = selection.quick and source_of(op, dtype, device) == "decomposed"
    names = BOOT_CHECKS if selection.boot else _DECOMPOSED if short else tuple(CHECKS)
    return [selection.check] if selection.check in CHECKS else [n for n in names if selection.has_case(n)]


def _must_say_so(
    op: str, dtype: DType, device: Device, reference: Device, selection: Selection, grade: Recorder
) -> None:
    """Check that an op without a kernel raises MissingKernelError and gives no result."""
    subject = Subject(op, dtype, device, reference, selection)
    cases = subject.cases(limit=1)
    with grade.case(op, dtype.name, "missing", check="support"):
        if cases:
            call = subject.typed(cases[0])
            try:
                call.run(device, *call.on(device))
            except MissingKernelError as error:
                grade.unsupported(str(error).partition("\n")[0])
            else:
                grade.wrong("MissingKernelError is required where there is no kernel, got a result")
        else:
            grade.unsupported(f"{registry.ops[op].name}: no kernel for {dtype.name}")
