"""``rustorch grade``: how well a backend does what the contract says."""

from __future__ import annotations

import argparse
from typing import Any

from rustorch.cli.report import show


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "grade",
        help="run the conformance suite on a backend; status 1 if it does not conform",
        description="Runs the conformance suite on a backend: a grade per op and dtype, with the worst case of each.",
        epilog="docs/conformance.md says what the grades mean.",
    )
    command.add_argument("backend", metavar="NAME", help="the backend, such as name or name:1")
    command.add_argument(
        "--mode", choices=("test", "grad", "support", "perf"), default="", help="only this part"
    )
    command.add_argument("--quick", action="store_true", help="fewer cases: under a minute")
    command.add_argument(
        "--tier", choices=("boot", "full"), default="full", help="boot: only what a new backend starts with"
    )
    command.add_argument("--against", default="", metavar="NAME", help="perf: the backend to compare with")
    command.add_argument("--op", action="append", default=[], help="only this op or function (repeatable)")
    command.add_argument("--dtype", action="append", default=[], help="only this dtype (repeatable)")
    command.add_argument("--case", default="", metavar="ID", help="only this case, as the report names it")
    command.add_argument("--json", default="", metavar="FILE", help="write the report as JSON")
    command.add_argument("--html", default="", metavar="FILE", help="write the report as one HTML page")
    command.add_argument(
        "--patience",
        type=float,
        metavar="SECONDS",
        help="without progress for so long a process counts as hanging (default 300)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    from rustorch.testing.conformance.child import PATIENCE
    from rustorch.testing.conformance.command import Request, grade

    request = Request(
        options.backend,
        options.mode,
        options.quick,
        options.tier,
        options.against,
        options.op,
        options.dtype,
        options.case,
        options.json,
        options.html,
        PATIENCE if options.patience is None else options.patience,
    )
    lines, conforms = grade(request)
    show(lines)
    return 0 if conforms else 1
