"""``rustorch info``: versions, the machine, and the devices that are ready."""

from __future__ import annotations

from typing import Any

from rustorch.cli.report import aligned, memory, show, show_json
from rustorch.utils.system import get_system_info


def run(*, as_json: bool) -> int:
    """Print the report; return the exit status."""
    facts = get_system_info()
    if as_json:
        show_json(facts)
        return 0
    names = ("rustorch", "python", "numpy", "platform", "processors")
    default = facts["default_device"] or "none, see `rustorch doctor`"
    lines = aligned([*((name, facts[name]) for name in names), ("default device", default)])
    for device in facts["devices"]:
        lines += ["", device["device"], *aligned(_details(device), indent=2)]
    show(lines)
    return 0


def _details(device: dict[str, Any]) -> list[tuple[str, str]]:
    if "error" in device:
        return [("error", device["error"])]
    found = [("name", device["name"]), ("instruction set", device["arch"] or "unknown")]
    if device["threads"] is not None:
        found.append(("threads", str(device["threads"])))
    found += [("memory", memory(device["total_memory"])), ("dtypes", " ".join(device["dtypes"]))]
    for name, value in device["details"].items():
        text = " ".join(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)
        found.append((name.replace("_", " "), text))
    return found
