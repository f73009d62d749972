"""``rustorch doctor``: what became of every plugin, and what each backend can do."""

from __future__ import annotations

from collections import Counter
from typing import Any

import rustorch
from rustorch.cli import replaced
from rustorch.cli.report import aligned, show, show_json
from rustorch.device import Device, get_default_device
from rustorch.dispatch.contract import CONTRACT_VERSION, Absent, BackendInfo
from rustorch.dispatch.opening import plugins, probe
from rustorch.dispatch.registry import ops
from rustorch.errors import RusTorchError
from rustorch.plugins import records
from rustorch.testing.conformance.stored import last_grade
from rustorch.utils.system import facts_of


def run(*, as_json: bool) -> int:
    """Print the report; return 1 if no backend is ready or the default device cannot be used."""
    facts = examine()
    if as_json:
        show_json(facts)
    else:
        show(_lines(facts))
    return 0 if facts["healthy"] else 1


def examine() -> dict[str, Any]:
    """Return what became of every plugin, as plain data."""
    plugins()  # finds them
    found: list[dict[str, Any]] = [
        {
            "plugin": record.name,
            "distribution": record.distribution,
            "version": record.version,
            "rejected": record.reason,
            "backends": [_backend(backend) for backend in record.backends],
        }
        for record in records()
    ]
    default, problem = _default()
    ready = any(backend["status"] == "ready" for plugin in found for backend in plugin["backends"])
    return {
        "rustorch": rustorch.__version__,
        "contract": ".".join(map(str, CONTRACT_VERSION)),
        "plugins": found,
        "default_device": default,
        "problem": problem,
        "healthy": ready and not problem,
    }


def _default() -> tuple[str | None, str]:
    try:
        device = get_default_device()
        device.info.name  # noqa: B018 - opens it
    except RusTorchError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - a stranger's backend may raise anything
        return None, f"{type(error).__name__}: {error}"
    return str(device), ""


def _backend(backend: BackendInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "backend": backend.name,
        "description": backend.description,
        "contract": backend.contract,
        "priority": backend.priority,
    }
    answer = probe(backend)
    if isinstance(answer, Absent):
        return {**facts, "status": "absent", "reason": answer.reason, "hint": answer.hint}
    device = facts_of(Device(backend.name))
    if "error" in device:
        return {**facts, "status": "failed", "reason": device["error"], "hint": ""}
    return {
        **facts,
        "status": "ready",
        "count": answer.count,
        "device": device,
        "ops": _coverage(backend.name),
        "replaced": replaced.replacements(Device(backend.name)),
        "expected_failures": replaced.expected_failures(backend.name),
        "last_grade": last_grade(backend.name),
    }


def _coverage(name: str) -> dict[str, Any]:
    """Return how many ops have a kernel (by plugin), how many are decomposed, and which are missing.

    Missing is what another ready backend has a kernel for and this one can neither run nor decompose.
    """
    supplied = _supplied(name)
    known = {op for other in plugins().backends() for op in _supplied(other)}
    without = known - supplied.keys()
    return {
        "kernels": dict(Counter(plugin for names in supplied.values() for plugin in names)),
        "decomposed": sum(op not in supplied and ops[op].decomposition is not None for op in ops),
        "missing": sorted(op for op in without if ops[op].decomposition is None),
    }


def _supplied(name: str) -> dict[str, set[str]]:
    """Return the plugins that have kernels for each op on a backend; nothing if it cannot be opened."""
    if isinstance(probe(plugins().backends()[name]), Absent) or "error" in facts_of(Device(name)):
        return {}
    table: Any = Device(name).kernels
    return {op: {offer.plugin for offer in offers} for op, offers in table.offers.items() if op in ops}


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = aligned(
        [
            ("rustorch", facts["rustorch"]),
            ("contract", facts["contract"]),
            ("default device", facts["default_device"] or f"none: {_indented(facts['problem'], 16)}"),
        ]
    )
    if not facts["plugins"]:
        lines += ["", "no plugin is installed: pip install rustorch"]
    for plugin in facts["plugins"]:
        source = f" ({plugin['distribution']} {plugin['version']})" if plugin["distribution"] else ""
        state = f"rejected: {_indented(plugin['rejected'], 2)}" if plugin["rejected"] else "accepted"
        lines += ["", f"plugin {plugin['plugin']}{source}: {state}"]
        for backend in plugin["backends"]:
            lines += _of_backend(backend)
    return [*lines, "", _verdict(facts)]


def _of_backend(backend: dict[str, Any]) -> list[str]:
    status = backend["status"]
    if status == "ready":
        status += f", {backend['count']} device{'s' if backend['count'] != 1 else ''}"
    lines = [f"  backend {backend['backend']}: {status}"]
    facts = [
        ("what", backend["description"]),
        ("contract", backend["contract"]),
        ("priority", backend["priority"]),
    ]
    if "device" in backend:
        device, covered = backend["device"], backend["ops"]
        facts.append(("device", f"{device['name']} {device['arch']}".strip()))
        kernels = ", ".join(f"{count} ops by {plugin}" for plugin, count in covered["kernels"].items())
        facts.append(("kernels", f"{kernels}; {covered['decomposed']} decomposed"))
        if covered["missing"]:
            facts.append(("missing", " ".join(covered["missing"])))
        facts += replaced.lines(backend["replaced"])
        failures = backend["expected_failures"]
        if isinstance(failures, dict):
            failures = ", ".join(f"{count} {kind}" for kind, count in failures.items()) or "none"
        facts.append(("expected failures", _indented(failures, 4)))
        facts.append(("last grade", _grade(backend["last_grade"], backend["backend"])))
    else:
        facts.append(("reason", _indented(backend["reason"], 14)))
        facts += [("hint", backend["hint"])] if backend["hint"] else []
    return lines + aligned(facts, indent=4)


def _grade(found: dict[str, Any] | None, backend: str) -> str:
    if found is None:
        return f"none: rustorch grade {backend}"
    counts = ", ".join(f"{count} {letter}" for letter, count in found.get("counts", {}).items())
    by = f"by rustorch {found['rustorch']}" if "rustorch" in found else ""
    when = " ".join(filter(None, (found.get("tier"), found.get("when"), by)))
    return f"{found['grade']} ({counts}; {when})"


def _verdict(facts: dict[str, Any]) -> str:
    if facts["healthy"]:
        rejected = [plugin["plugin"] for plugin in facts["plugins"] if plugin["rejected"]]
        return f"ready{'; rejected: ' + ', '.join(rejected) if rejected else ''}"
    if any(backend["status"] == "ready" for plugin in facts["plugins"] for backend in plugin["backends"]):
        return "not ready: the default device cannot be used"
    return "not ready: no backend can run here"


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)
