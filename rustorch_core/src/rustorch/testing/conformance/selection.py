"""Which ops, dtypes and cases a run is about."""

from __future__ import annotations

from dataclasses import dataclass

from rustorch.errors import ArgumentError


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
        return cls(frozenset({op}), frozenset({dtype} - {"-"}), check, case)
