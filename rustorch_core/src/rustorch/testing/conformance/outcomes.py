"""What became of one case, and the letter that this earns.

An error is measured in *budgets*: how often it is as large as what the op's class is allowed
(:mod:`rustorch.testing.conformance.budgets`).  So one scale serves every op and dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

#: Grades from best to worst, with what they mean.
MEANINGS = {
    "A": "every case within its budget",
    "B": "up to 4 budgets: usual for fast device functions; passes",
    "C": "up to 16 budgets: trains, but digits are lost",
    "D": "half of the dtype's digits are right",
    "F": "wrong: values, shape, dtype, exception, memory, or the process died",
    "-": "no kernel, and the plugin says so",
}

#: Unit roundoff times two: the distance from 1 to the next number.
EPSILONS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
EPSILONS |= {"complex64": EPSILONS["float32"], "complex128": EPSILONS["float64"]}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case that ran.

    Attributes:
        op: the op (or public function) that it counts for; of a suite about the whole device, its subject.
        dtype: the dtype, or "" where there is none.
        check: the kind of check, such as "layouts".
        case: the case's name within the check.
        budgets: the error in budgets; infinity if the result is wrong in another way.
        ulp: the greatest error in units in the last place of the dtype, where it was measured.
        message: what was required and what was got, where the case is not within its budget.
        kind: "ok", "inaccurate", "wrong", "unsupported", "slow" or "crashed".
        node: pytest's address of the test; "" outside pytest.
    """

    op: str
    dtype: str
    check: str
    case: str
    budgets: float = 0.0
    ulp: float = 0.0
    message: str = ""
    kind: str = "ok"
    node: str = ""

    @property
    def id(self) -> str:
        """The name of the case: ``op/dtype/check/case``."""
        return "/".join((self.op, self.dtype or "-", self.check, self.case))

    @property
    def grade(self) -> str:
        """The letter for this case alone."""
        if self.kind == "unsupported":
            return "-"
        return "F" if self.kind in ("wrong", "crashed") else letter(self.budgets, self.dtype)

    @property
    def passed(self) -> bool:
        """Whether the case is good enough: A or B."""
        return self.kind in ("ok", "inaccurate") and self.grade in "AB"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data; an infinite error as None."""
        facts = asdict(self)
        facts["budgets"] = self.budgets if math.isfinite(self.budgets) else None
        facts["ulp"] = self.ulp if math.isfinite(self.ulp) else None
        return facts

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Outcome:
        """Return what `to_json` was called on."""
        budgets = math.inf if facts["budgets"] is None else facts["budgets"]
        ulp = math.inf if facts["ulp"] is None else facts["ulp"]
        return cls(**{**facts, "budgets": budgets, "ulp": ulp})


def letter(budgets: float, dtype: str) -> str:
    """Return the grade of an error of so many budgets."""
    if budgets <= 1:
        return "A"
    if budgets <= 4:
        return "B"
    if budgets <= 16:
        return "C"
    half_of_the_digits = EPSILONS.get(dtype, 1.0) ** -0.5
    return "D" if budgets <= half_of_the_digits else "F"


def worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Return the outcome with the lowest grade, and of those the one with the largest error."""
    return max(outcomes, key=lambda o: ("-ABCDF".index(o.grade), o.budgets, o.ulp), default=None)
