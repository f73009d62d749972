"""``rustorch new-backend``: writes a package with a backend that works, to be changed from there."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from rustorch.cli.report import show, show_json
from rustorch.dispatch.opening import plugins
from rustorch.errors import ArgumentError

_SUFFIX = ".template"


def run(name: str, path: Path, *, as_json: bool) -> int:
    """Write the package and print what to do next; return the exit status."""
    written = write(name, path)
    folder = written[0].parent
    steps = next_steps(name, folder)
    if as_json:
        show_json(
            {"folder": str(folder), "files": [str(p.relative_to(folder)) for p in written], "next": steps}
        )
    else:
        found = [f"  {p.relative_to(folder)}" for p in written]
        show([f"wrote {folder}", *found, "", "next:", *(f"  {step}" for step in steps)])
    return 0


def next_steps(name: str, folder: Path) -> list[str]:
    """Return the commands that follow: install, test, look, use."""
    return [
        f'pip install -e "{folder}[test]"',
        f"pytest {folder}",
        "rustorch doctor",
        f"RUSTORCH_DEVICE={name} python your_script.py",
    ]


def write(name: str, path: Path) -> list[Path]:
    """Write the package of a backend into the new folder ``path/rustorch-NAME``; return its files.

    Raises:
        ArgumentError: if the name is none for a device, is taken, or the folder exists already.
    """
    check_name(name)
    dist = name.replace("_", "-")
    folder = path / f"rustorch-{dist}"
    if folder.exists():
        raise ArgumentError(
            f"new-backend: the folder {folder} exists already", hint="choose another with --path"
        )
    values = {"name": name, "dist": dist}
    written = []
    for source, inside in _templates(resources.files("rustorch.cli") / "backend_template", Path()):
        target = folder / str(inside).replace("NAME", name).removesuffix(_SUFFIX)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text("utf-8")).substitute(values), "utf-8")
        except OSError as error:
            raise ArgumentError(f"new-backend: {target} cannot be written: {error.strerror}") from error
        written.append(target)
    return written


def _templates(folder: Any, inside: Path) -> list[tuple[Any, Path]]:
    """Return the template files, those of a folder before those of its subfolders, with their paths."""
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    found: list[tuple[Any, Path]] = []
    for entry in entries:
        if entry.is_dir():
            found += _templates(entry, inside / entry.name)
        elif entry.name.endswith(_SUFFIX):
            found.append((entry, inside / entry.name))
    return found


def check_name(name: str) -> None:
    """Raise ArgumentError unless a new backend can have this name."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ArgumentError(
            f"new-backend: a name of lower-case letters, digits and _ that begins with a letter is required, "
            f"got {name!r}",
            hint="it becomes the device's name, as in rustorch.ones(2, device=NAME), and part of the module's",
        )
    taken = sorted({*plugins().backends(), *plugins().records})
    if name in taken:
        raise ArgumentError(
            f"new-backend: a backend called {name!r} is installed; taken are {', '.join(taken)}"
        )
    if importlib.util.find_spec(f"rustorch_{name}") is not None:
        raise ArgumentError(f"new-backend: a module called rustorch_{name} is installed already")
