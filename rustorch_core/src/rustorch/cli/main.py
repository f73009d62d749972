"""Reading the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import rustorch
from rustorch.cli import grade
from rustorch.errors import RusTorchError


def parser() -> argparse.ArgumentParser:
    """Return what the command line may hold."""
    found = argparse.ArgumentParser(
        prog="rustorch", description="Tells what RusTorch finds on this machine, and begins backends."
    )
    found.add_argument("--version", action="version", version=f"rustorch {rustorch.__version__}")
    commands = found.add_subparsers(dest="command", metavar="command", required=True)
    for name, text in (
        ("info", "versions, the machine, and the devices that are ready"),
        ("doctor", "every plugin: what it provides, or why it cannot be used; status 1 if nothing can run"),
    ):
        command = commands.add_parser(name, help=text, description=f"Prints {text}.")
        command.add_argument("--json", action="store_true", help="print JSON, for programs")
    grade.add_to(commands)
    command = commands.add_parser(
        "new-backend",
        help="write a package with a new backend that works, to be changed from there",
        description="Writes rustorch-NAME: a complete backend of about 120 lines on NumPy, with its tests.",
    )
    command.add_argument("name", metavar="NAME", help="of the device: lower-case letters, digits and _")
    command.add_argument("--path", type=Path, default=Path(), metavar="DIR", help="where; the current folder")
    command.add_argument("--json", action="store_true", help="print JSON, for programs")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Args:
        arguments: the command line; that of the process if None.
    """
    options = parser().parse_args(arguments)
    try:
        if options.command == "info":
            from rustorch.cli import info

            return info.run(as_json=options.json)
        if options.command == "grade":
            return grade.run(options)
        if options.command == "new-backend":
            from rustorch.cli import new_backend

            return new_backend.run(options.name, options.path, as_json=options.json)
        from rustorch.cli import doctor

        return doctor.run(as_json=options.json)
    except RusTorchError as error:
        sys.stderr.write(f"rustorch: {error}\n")
        return 1
    except BrokenPipeError:  # e.g. `rustorch info | head -1`
        sys.stderr.close()  # nothing is left to say it to
        return 0
