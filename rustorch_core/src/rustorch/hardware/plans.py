"""The result of ``rustorch.plan``: rows of ops, counts, a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rustorch.device import Device
from rustorch.errors import ArgumentError
from rustorch.hardware.coverage import Status

PHASES = ("forward", "backward", "optimizer")
_ORDER: tuple[Status, ...] = ("missing", "host", "decomposed", "native")


@dataclass(frozen=True, slots=True)
class PlannedOp:
    """Calls of one op in one phase that a device treats alike."""

    phase: str  # "forward", "backward" or "optimizer"
    op: str
    dtype: str  # that selects the kernel
    status: Status
    by: str  # the plugin, the host device, or why nobody
    calls: int
    nbytes: int  # that cross between device and host
    ends_in: tuple[str, ...] = ()  # of a decomposed op: the ops that do its work in the end


@dataclass(frozen=True, slots=True)
class Plan:
    """What a device will do with each op of a step.

    The counts are calls.  An op that is decomposed counts, and so do the ops inside of it; one whose
    decomposition needs a missing op is missing itself.

    Attributes:
        device: the device asked about.
        ops: one `PlannedOp` per phase, op, dtype and treatment.
    """

    device: Device
    ops: tuple[PlannedOp, ...]

    @property
    def native(self) -> int:
        """Calls that a kernel of the device serves."""
        return self._calls("native")

    @property
    def decomposed(self) -> int:
        """Calls that other ops on the device make up for."""
        return self._calls("decomposed")

    @property
    def host(self) -> int:
        """Calls that go through host memory."""
        return self._calls("host")

    @property
    def missing(self) -> int:
        """Calls that would raise."""
        return self._calls("missing")

    @property
    def nbytes(self) -> int:
        """Bytes that would cross between the device and the host in a step."""
        return sum(row.nbytes for row in self.ops)

    def _calls(self, status: str) -> int:
        return sum(row.calls for row in self.ops if row.status == status)

    def phase(self, name: str) -> Plan:
        """Return the part of the forward, the backward or the optimizer."""
        if name not in PHASES:
            raise ArgumentError(f"phase: one of {', '.join(PHASES)} is required, got {name!r}")
        return Plan(self.device, tuple(row for row in self.ops if row.phase == name))

    def names(self, status: str) -> list[str]:
        """Return the names of the ops that are treated so."""
        if status not in _ORDER:
            raise ArgumentError(f"names: one of {', '.join(_ORDER)} is required, got {status!r}")
        return sorted({row.op for row in self.ops if row.status == status})

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "device": str(self.device),
            **self._totals(),
            "phases": {name: self.phase(name)._totals() for name in PHASES},
            "ops": [{**asdict(row), "ends_in": list(row.ends_in)} for row in self.ops],
        }

    def _totals(self) -> dict[str, int]:
        return {**{status: self._calls(status) for status in reversed(_ORDER)}, "nbytes": self.nbytes}

    def __str__(self) -> str:
        totals = ", ".join(f"{self._calls(status)} {status}" for status in reversed(_ORDER))
        lines = [f"plan for device {self.device}: {totals} calls; {self.nbytes} bytes cross"]
        rows = sorted(self.ops, key=lambda r: (PHASES.index(r.phase), _ORDER.index(r.status), r.op, r.dtype))
        table = [("phase", "op", "dtype", "status", "calls", "bytes", "by")]
        table += [(r.phase, r.op, r.dtype, r.status, str(r.calls), str(r.nbytes or ""), _by(r)) for r in rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            padded = [
                cell.rjust(width) if name in ("calls", "bytes") else cell.ljust(width)
                for cell, width, name in zip(cells, widths, table[0], strict=True)
            ]
            lines.append("  ".join(padded).rstrip())
        return "\n".join(lines)


def _by(row: PlannedOp) -> str:
    return f"by {', '.join(row.ends_in)}" if row.status == "decomposed" else row.by
