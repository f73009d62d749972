"""Failures that a plugin announces: allowed while they last, an error once they are gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rustorch.dispatch.contract import ExpectedFailure
from rustorch.dispatch.opening import plugins
from rustorch.testing.conformance.outcomes import Outcome

#: The kinds of outcome that a kind of expected failure explains.  A crash is never expected.
_EXPLAINS = {
    "unsupported": {"unsupported"},
    "inaccurate": {"inaccurate"},
    "slow": {"slow"},
    "flaky": {"inaccurate", "wrong", "slow"},
}


def declared(backend: str) -> list[ExpectedFailure]:
    """Return the failures that all plugins announce for a backend."""
    answers = plugins().answers("rustorch_expected_failures", name=backend)
    return [failure for _, failures in answers for failure in failures]


def covers(failure: ExpectedFailure, outcome: Outcome) -> bool:
    """Return whether an expected failure speaks of an outcome's op, dtype and check."""
    return (
        failure.op == outcome.op
        and (not failure.dtypes or outcome.dtype in failure.dtypes)
        and (not failure.check or failure.check == outcome.check)
    )


def explains(failure: ExpectedFailure, outcome: Outcome) -> bool:
    """Return whether an outcome that did not pass is what was expected."""
    return covers(failure, outcome) and outcome.kind in _EXPLAINS[failure.kind]


def unexpected(outcomes: Iterable[Outcome], expected: Sequence[ExpectedFailure]) -> list[Outcome]:
    """Return the outcomes that did not pass and that nobody announced."""
    return [o for o in outcomes if not o.passed and not any(explains(e, o) for e in expected)]


def reasons(outcomes: Iterable[Outcome], expected: Sequence[ExpectedFailure]) -> list[str]:
    """Return the reasons of the expected failures among the outcomes."""
    found = {f"{e.kind}: {e.reason}" for o in outcomes if not o.passed for e in expected if explains(e, o)}
    return sorted(found)


def passing(
    outcomes: Sequence[Outcome], expected: Sequence[ExpectedFailure], *, complete: bool
) -> list[tuple[ExpectedFailure, str]]:
    """Return (failure, dtype) for the expected failures that did not happen although their cases ran.

    Args:
        outcomes: all that ran.
        expected: what the plugins announced.
        complete: whether every case ran.  If not, only "unsupported" can be judged: other failures may
            be hidden in the cases that were left out.
    """
    found = []
    for failure in expected:
        if failure.kind == "flaky" or not (complete or failure.kind == "unsupported"):
            continue
        about = [o for o in outcomes if covers(failure, o) and (o.kind == "slow") <= (failure.kind == "slow")]
        dtypes = sorted({o.dtype for o in about})
        found += [
            (failure, dtype)
            for dtype in dtypes
            if not any(explains(failure, o) for o in about if o.dtype == dtype)
        ]
    return found
