"""Write ops.md, the table of all public functions, from the op table itself.

    python docs/generate_ops.py

A test compares the file with what this script would write, so run it after adding an op.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from rustorch import Tensor
from rustorch.ops import functions
from rustorch.ops.public import Public

TARGET = Path(__file__).with_name("ops.md")

HEADER = """\
# All functions

<!-- Written by docs/generate_ops.py.  Do not edit: change the op and run the script. -->

Every function is `rustorch.NAME`.  One marked *method* is also `tensor.NAME(...)`, where the tensor takes
the place of the first parameter.  One marked *in place* also has the method `tensor.NAME_(...)`, which
changes the tensor and returns it.  One marked *random* takes its numbers from a generator
([random.md](random.md)).  Names in parentheses are further names of the same function.
`help(rustorch.NAME)` shows shapes, arguments and errors.

The functions are grouped by the file of `rustorch_core/src/rustorch/` that declares them.
"""


def text() -> str:
    """Return the whole file."""
    families: dict[str, list[Public]] = {}
    for entry in functions.values():
        families.setdefault(entry.family, []).append(entry)
    links = " · ".join(f"[{family}](#{family})" for family in sorted(families))
    parts = [HEADER, f"{len(functions)} functions: {links}\n"]
    parts += [section(family, families[family]) for family in sorted(families)]
    return "\n".join(parts)


def section(family: str, entries: list[Public]) -> str:
    """Return the table of one family."""
    rows = ["| function | also | what it returns or does |", "|---|---|---|"]
    rows += [
        f"| `{e.name}{signature(e.function)}`{aliases(e)} | {forms(e)} | {sentence(e)} |"
        for e in sorted(entries, key=lambda e: e.name)
    ]
    return "\n".join([f"## {family}", "", *rows, ""])


def signature(function: Any) -> str:
    """Return the parameters with their defaults, without annotations."""
    found = inspect.signature(function)
    empty = inspect.Parameter.empty
    plain = [p.replace(annotation=empty) for p in found.parameters.values()]
    shown = str(found.replace(parameters=plain, return_annotation=empty))
    return re.sub(r"<[^>]*>", "...", shown)  # a default that is an object, not a number


def aliases(entry: Public) -> str:
    """Return the further names of a function."""
    return f" ({', '.join(f'`{name}`' for name in entry.aliases)})" if entry.aliases else ""


def forms(entry: Public) -> str:
    """Return in which other forms a function exists."""
    inplace = entry.method and hasattr(Tensor, f"{entry.name}_")
    kinds = {"method": entry.method, "in place": inplace, "random": "random" in entry.tags}
    return ", ".join(kind for kind, true in kinds.items() if true)


def sentence(entry: Public) -> str:
    """Return the first sentence of the docstring, on one line and safe in a table."""
    first = " ".join((inspect.getdoc(entry.function) or "").partition("\n\n")[0].split())
    stop = re.search(r"\.(?=\s+[A-Z])", first)  # a full stop before a capital: "e.g. this" goes on
    first = first[: stop.end()] if stop else first
    first = re.sub(r":\w+:`~?(?:rustorch\.)?([\w.]+)`", r"`\1`", first).replace("``", "`")
    return first.replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
