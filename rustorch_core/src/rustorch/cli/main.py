"""Reading the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import rustorch
from rustorch.errors import RusTorchError


def parser() -> argparse.ArgumentParser:
    """Return what the command line may hold."""
    found = argparse.ArgumentParser(prog="rustorch", description="Tells what RusTorch finds on this machine.")
    found.add_argument("--version", action="version", version=f"rustorch {rustorch.__version__}")
    commands = found.add_subparsers(dest="command", metavar="command", required=True)
    for name, text in (
        ("info", "versions, the machine, and the devices that are ready"),
        ("doctor", "every plugin: what it provides, or why it cannot be used; status 1 if nothing can run"),
    ):
        command = commands.add_parser(name, help=text, description=f"Prints {text}.")
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
        from rustorch.cli import doctor

        return doctor.run(as_json=options.json)
    except RusTorchError as error:
        sys.stderr.write(f"rustorch: {error}\n")
        return 1
    except BrokenPipeError:  # e.g. `rustorch info | head -1`
        sys.stderr.close()  # nothing is left to say it to
        return 0
