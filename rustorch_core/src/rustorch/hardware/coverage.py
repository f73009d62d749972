"""What a device would do with one call of an op: its own kernel, a decomposition, the host, nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rustorch.device import Device
from rustorch.dispatch import policy
from rustorch.dtypes import DType
from rustorch.ops.op import Op

Status = Literal["native", "decomposed", "host", "missing"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens, and who does it or why nobody does."""

    status: Status
    by: str
    layout: str = "strided"


class Coverage:
    """Asks the kernel table of a device, and runs nothing there."""

    def __init__(self, device: Device, *, through_host: bool = True) -> None:
        self.device = device
        self.dtypes = device.info.dtypes
        self.table: Any = device.kernels
        self._host = policy.host_for(device) if through_host else None
        self._chains: dict[tuple[str, str], list[Any]] = {}

    def verdict(
        self, op: Op, dtype: DType, out: Any, inputs: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Verdict:
        """Judge one call; predicates of kernels see its operands, wherever those are."""
        for x in (*(out if isinstance(out, tuple) else (out,)), *inputs):
            if x is not None and x.dtype.name not in self.dtypes:
                return Verdict("missing", f"{x.dtype.name} does not exist there")
        key = (op.name, dtype.name)
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = self.table.chain(op, dtype)
        for offer in chain:
            if offer is not None and (offer.kernel.when is None or offer.kernel.when(out, *inputs, **attrs)):
                return Verdict("native", offer.plugin, offer.kernel.layout)
        if op.decomposition is not None:
            return Verdict("decomposed", "decomposition")
        if self._host is not None:
            return self._on_host(self._host, op, dtype, out, inputs, attrs)
        return Verdict("missing", self.table.who_supplies(op))

    @staticmethod
    def _on_host(
        host: Device, op: Op, dtype: DType, out: Any, inputs: tuple[Any, ...], attrs: dict[str, Any]
    ) -> Verdict:
        there = Coverage(host, through_host=False).verdict(op, dtype, out, inputs, attrs)
        if there.status in ("native", "decomposed"):
            return Verdict("host", str(host))
        return Verdict("missing", f"{host}, where it would run, lacks it too")
