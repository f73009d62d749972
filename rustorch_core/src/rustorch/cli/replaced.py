"""What of a backend is not its own plugin's: kernels that others put in place, and failures that are announced."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rustorch.device import Device
from rustorch.dispatch import registry, trust
from rustorch.dispatch.overrides import OVERRIDE, overrides
from rustorch.dispatch.tables import Offer
from rustorch.errors import RusTorchError
from rustorch.testing.conformance import expected


def replacements(device: Device) -> list[dict[str, Any]]:
    """Return the kernels on a device that overrides and plugins of others bring, each with what was found about it."""
    table: Any = device.kernels
    offers = [Offer(o.kernel, OVERRIDE, o.check) for o in overrides() if o.concerns(device)]
    offers += [
        o for some in table.offers.values() for o in some if o.examined and o.kernel.op in registry.ops
    ]
    return [_judged(offer, device) for offer in offers]


def _judged(offer: Offer, device: Device) -> dict[str, Any]:
    verdict = trust.Verdict(note="not examined: check=False")
    if offer.examined:
        verdict = trust.verdict_on(offer.kernel, offer.plugin, device, quiet=True)
    return {
        "op": offer.kernel.op,
        "plugin": offer.plugin,
        "dtypes": sorted(offer.kernel.dtypes),
        "priority": offer.kernel.priority,
        "refused": verdict.wrong,
        "note": verdict.note,
    }


def expected_failures(backend: str) -> dict[str, int] | str:
    """Return how many failures the plugins announce for a backend, by kind; a text if that cannot be known."""
    try:
        return dict(Counter(failure.kind for failure in expected.declared(backend)))
    except RusTorchError as error:  # the hook of a plugin failed
        return f"unknown: {error}"


def lines(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return (name, text) per replaced kernel, for people."""
    rows = []
    for kernel in found:
        text = f"{kernel['op']} by {kernel['plugin']}"
        if kernel["refused"]:
            text += f", refused: {kernel['refused']}"
        elif kernel["note"]:
            text += f", {kernel['note']}"
        rows.append(("replaced", text))
    return rows
