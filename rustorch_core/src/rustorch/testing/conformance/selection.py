"""Which ops, dtypes and cases a run is about."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rustorch import dtypes, ops
from rustorch.dispatch import registry
from rustorch.errors import ArgumentError

#: The checks of one op or function in one dtype; the others are about a subject, which their file is named after.
ENGINE_CHECKS = frozenset(
    "samples repeat layouts sizes special large refusals fuzz support gradients".split()
) | {"second gradients"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for; an empty set means all.

    Attributes:
        ops: names of ops.
        dtypes: names of dtypes.
        check: the only check to run, or "".
        case: the only case of that check to run, or "".
        quick: whether the short list of cases is enough.
        boot: whether only what a new backend starts with is graded.
    """

    ops: frozenset[str] = frozenset()
    dtypes: frozenset[str] = frozenset()
    check: str = ""
    case: str = ""
    quick: bool = False
    boot: bool = False

    def has(self, op: str, dtype: str = "") -> bool:
        """Return whether an op and dtype are selected; "" stands for any."""
        return (not self.ops or not op or op in self.ops) and (
            not self.dtypes or not dtype or dtype in self.dtypes
        )

    def has_case(self, check: str, case: str = "") -> bool:
        """Return whether a case of a check is selected; "" stands for any."""
        return (not self.check or check == self.check) and (not self.case or not case or case == self.case)

    @classmethod
    def of_case(cls, name: str) -> Selection:
        """Return the selection of one case by its name, ``op/dtype/check/case``."""
        parts = name.split("/", 3)
        if len(parts) != 4:
            raise ArgumentError(f"case: a name of the form op/dtype/check/case is required, got {name!r}")
        op, dtype, check, case = parts
        require_known([op], {dtype} - {"-"})
        _require(check, {*ENGINE_CHECKS, *subjects()}, "check")
        return cls(frozenset({op}), frozenset({dtype} - {"-"}), check, case)


@cache
def subjects() -> frozenset[str]:
    """Return what the suite is about besides ops: a row of the report may carry such a name."""
    return frozenset(path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py"))


def require_known(names: Iterable[str], dtype_names: Iterable[str]) -> None:
    """Make sure that there are ops, functions or subjects, and dtypes, of these names.

    Raises:
        ArgumentError: if not; names the closest.
    """
    for name in names:
        _require(name, {*registry.ops, *ops.functions, *subjects()}, "op or function")
    for name in dtype_names:
        _require(name, {dtype.name for dtype in dtypes.ALL}, "dtype")


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        raise ArgumentError(
            f"grade: no {what} is called {name!r}",
            hint=f"did you mean {' or '.join(close)}?" if close else "",
        )
