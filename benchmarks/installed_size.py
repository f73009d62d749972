"""Print the size on disk of the installed core and cpu backend, without their dependencies.

Usage: python benchmarks/installed_size.py
"""

from __future__ import annotations

import json
from importlib.metadata import distribution

DISTRIBUTIONS = ("rustorch-core", "rustorch-cpu")


def is_editable(name: str) -> bool:
    """Whether a distribution is a link to its sources, so that its record lists none of its files."""
    origin = distribution(name).read_text("direct_url.json")
    return bool(origin) and json.loads(origin).get("dir_info", {}).get("editable", False)


def installed_size(name: str) -> int:
    """Bytes of all files that installing the distribution wrote, compiled bytecode included."""
    files = [file.locate() for file in distribution(name).files or ()]
    return sum(file.stat().st_size for file in files if file.exists())


def main() -> None:
    """Print one line per distribution and their sum."""
    sizes = {name: installed_size(name) for name in DISTRIBUTIONS}
    for name, size in {**sizes, "together": sum(sizes.values())}.items():
        note = "  (editable: not its real size)" if name in sizes and is_editable(name) else ""
        print(f"{name:15} {size / 1e6:8.3f} MB{note}")


if __name__ == "__main__":
    main()
