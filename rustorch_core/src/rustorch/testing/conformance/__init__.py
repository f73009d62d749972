"""The conformance suite: what a backend must do, as tests that end in grades.

Run it with ``rustorch grade NAME``, or with ``pytest --pyargs rustorch.testing.conformance
--rustorch-backend=NAME``; grade single ops in this process with `run`.
"""

from rustorch.testing.conformance.grading import run
from rustorch.testing.conformance.outcomes import Outcome
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.report import Report
from rustorch.testing.conformance.stored import last_grade

__all__ = ["Outcome", "Recorder", "Report", "last_grade", "run"]
