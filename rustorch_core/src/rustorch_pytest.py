"""pytest's door to the conformance suite: options only, until one of them is used.

A conftest inside an installed package is read too late to add options, so this module is an entry
point of the group ``pytest11``.  It imports RusTorch only when a backend or communicator is named.
"""

from __future__ import annotations

from typing import Any

OPTIONS: dict[str, dict[str, Any]] = {
    "backend": {"metavar": "NAME", "help": "the backend to grade: a name, or name:index"},
    "communicator": {"metavar": "SCHEME", "help": "the communicator to test"},
    "launcher": {
        "metavar": "COMMAND",
        "help": "starts the communicator's processes, e.g. 'mpiexec -n {world_size}'",
    },
    "quick": {"action": "store_true", "help": "fewer cases: under a minute"},
    "tier": {
        "choices": ("boot", "full"),
        "default": "full",
        "help": "boot: only what a new backend starts with",
    },
    "mode": {
        "choices": ("test", "grad", "support", "perf"),
        "help": "one part of the suite; test and grad if not given",
    },
    "against": {"metavar": "NAME", "help": "perf: the backend to compare with"},
    "op": {"action": "append", "default": [], "metavar": "OP", "help": "only this op (repeatable)"},
    "dtype": {"action": "append", "default": [], "metavar": "DTYPE", "help": "only this dtype (repeatable)"},
    "case": {"metavar": "ID", "help": "only this case, op/dtype/check/case"},
    "json": {"metavar": "FILE", "help": "write the report as JSON"},
    "html": {"metavar": "FILE", "help": "write the report as one HTML page"},
    "journal": {
        "metavar": "FILE",
        "help": "note each case before and after it runs; leave out the tests that are noted there already",
    },
}


def pytest_addoption(parser: Any) -> None:
    """Add the suite's options."""
    group = parser.getgroup("rustorch", "RusTorch's conformance suite")
    for name, facts in OPTIONS.items():
        group.addoption(f"--rustorch-{name}", **facts)


def pytest_configure(config: Any) -> None:
    """Load the suite if it is asked for."""
    config.addinivalue_line(
        "markers",
        "conformance(op, dtype, mode, boot): what a test of RusTorch's conformance suite counts for",
    )
    if config.getoption("--rustorch-backend") or config.getoption("--rustorch-communicator"):
        from rustorch.testing.conformance.session import Session

        config.pluginmanager.register(Session(config), "rustorch-conformance")
