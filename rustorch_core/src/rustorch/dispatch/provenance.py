"""Who supplies each kernel, and why."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rustorch.device import Device, as_device
from rustorch.dispatch import policy, registry, trust
from rustorch.dispatch.overrides import OVERRIDE
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError

if TYPE_CHECKING:
    from rustorch.dispatch.tables import Offer, Table
    from rustorch.dtypes import DType
    from rustorch.ops.op import Op


class Source(str):
    """The name of who supplies a kernel (a plugin, "override", "decomposition", "host" or "missing"), and why.

    Where kernels with a condition come first, the name lists all that are tried: ``"mine or cpu"``.

    Attributes:
        plugin: the plugin of the kernel that is tried first; "" if no plugin has one.
        distribution: the distribution that brought the plugin, with its version; "" if it was registered by hand.
        priority: of that kernel; None if there is none.
        layout: "contiguous" if other operands are copied before the call, else "strided"; "" if there is none.
        condition: the name of the kernel's predicate; "" if it has none.
        reason: why it is this one.
        others: (plugin, why not) of each kernel of the op that is not used.
    """

    __slots__ = ("condition", "distribution", "layout", "others", "plugin", "priority", "reason")

    plugin: str
    distribution: str
    priority: int | None
    layout: str
    condition: str
    reason: str
    others: tuple[tuple[str, str], ...]

    def explained(self) -> str:
        """Return everything on one line."""
        facts = [self.reason]
        if self.priority:
            facts.append(f"priority {self.priority}")
        if self.condition:
            facts.append(f"where {self.condition}")
        if self.layout:
            facts.append(self.layout)
        facts += [f"{plugin} not used: {why}" for plugin, why in self.others]
        by = f" ({self.distribution})" if self.distribution else ""
        return f"{self}{by}: {'; '.join(facts)}"


class Provenance(dict[str, dict[str, Source]]):
    """``{op: {dtype: Source}}``; readable when it is printed."""

    __slots__ = ("device",)

    def __init__(self, device: Device) -> None:
        super().__init__()
        self.device = device

    def __str__(self) -> str:
        lines = [f"kernels of device {self.device}"]
        for op, row in self.items():
            texts: dict[str, list[str]] = {}  # dtypes with the same answer share a line
            for dtype, source in row.items():
                texts.setdefault(source.explained(), []).append(dtype)
            lines += [f"{op} [{' '.join(names)}]  {text}" for text, names in texts.items()]
        return "\n".join(lines)


def provenance(device: Device | str | int | None = None, *, op: str | None = None) -> Provenance:
    """Return who supplies each kernel that was used so far, and why.

    Args:
        device: the device asked about; the default device if None.
        op: only this op, used or not, for every dtype that the device has and a kernel is there for.

    Returns:
        ``{op: {dtype: source}}``.  A `Source` is a string, the name of the plugin, "decomposition",
        "host" or "missing", with the reasons as attributes.  Printing the whole shows all of them.

    Raises:
        ArgumentError: if there is no such op.

    >>> import rustorch
    >>> source = rustorch.provenance("reference", op="matmul")["matmul"]["float32"]
    >>> source, source.reason
    ('reference', 'the only kernel')
    """
    where = as_device(device)
    where.info.name  # noqa: B018 - the look-up opens it
    table: Table = where.kernels
    if op is None:
        pairs: Iterable[tuple[str, str]] = sorted(table.used)
    elif op in registry.ops:
        pairs = [(op, dtype) for dtype in _dtypes_of(op, table)]
    else:
        close = difflib.get_close_matches(op, registry.ops, n=3)
        raise ArgumentError(
            f"provenance: no op is called {op!r}", hint=f"did you mean {' or '.join(close)}?" if close else ""
        )
    result = Provenance(where)
    for name, dtype in pairs:
        result.setdefault(name, {})[dtype] = source_of(table, registry.ops[name], dtype_of(dtype))
    return result


def _dtypes_of(op: str, table: Table) -> list[str]:
    offered = {name for offer in table.candidates(op) for name in offer.kernel.dtypes}
    if not offered:
        offered = {"float32"}  # decomposed or missing: the same for every dtype
    return sorted(offered & table.device.info.dtypes) or sorted(offered)


def source_of(table: Table, op: Op, dtype: DType) -> Source:
    """Return who supplies an op for a dtype on the device of a table, used or not."""
    *conditional, final = table.chain(op, dtype)
    if final is not None:
        names = [offer.plugin for offer in (*conditional, final)]
    elif op.decomposition is not None:
        names = [*(offer.plugin for offer in conditional), "decomposition"]
    else:
        _, last = policy.without_kernel(op, dtype, table.device, "")
        names = [*(offer.plugin for offer in conditional), last]
    chosen: Offer | None = conditional[0] if conditional else final
    source = Source(" or ".join(names))
    tried = [*conditional, final]
    source.others = _others(table, op, dtype, tried)
    if chosen is None:
        source.plugin = source.distribution = source.layout = source.condition = ""
        source.priority = None
        source.reason = _WITHOUT[names[-1]] if not source.others else _PASSED_OVER[names[-1]]
        return source
    source.plugin = chosen.plugin
    source.distribution = distribution_of(chosen.plugin)
    source.priority = chosen.kernel.priority
    source.layout = chosen.kernel.layout
    when: Any = chosen.kernel.when
    source.condition = "" if when is None else getattr(when, "__qualname__", repr(when))
    source.reason = _why(chosen, table, op, dtype)
    return source


_WITHOUT = {
    "decomposition": "no kernel: decomposed",
    "host": "no kernel and no decomposition: on the host, as the policy allows",
    "missing": "no kernel and no decomposition",
}
_PASSED_OVER = {
    "decomposition": "no kernel can be used: decomposed",
    "host": "no kernel can be used: on the host, as the policy allows",
    "missing": "no kernel can be used, and there is no decomposition",
}


def _why(chosen: Offer, table: Table, op: Op, dtype: DType) -> str:
    note = trust.verdict_on(chosen.kernel, chosen.plugin, table.device).note if chosen.examined else ""
    if chosen.plugin == OVERRIDE:
        reason = "override in force"
        partners = [name for name in registry.group_of(op.name) if name != op.name]
        others = [f"{name} by {source_name(table, name, dtype)}" for name in partners]
        reason += f" ({', '.join(others)})" if others else ""
    else:
        rivals = [o for o in table.accepted(op, dtype) if o is not chosen and o.plugin != OVERRIDE]
        behind = [o for o in table.usable(op.name, dtype) if o is not chosen and o not in rivals]
        if rivals and rivals[0].kernel.priority == chosen.kernel.priority:
            reason = "the first by name among kernels of the same priority"
        elif rivals:
            reason = "the highest priority"
        elif behind:
            reason = "the only plugin that has all ops which belong together"
        else:
            reason = "the only kernel"
    return f"{reason}; {note}" if note else reason


def source_name(table: Table, name: str, dtype: DType) -> str:
    """Return the plugin of the kernel that is tried first for an op, or what happens without one."""
    op = registry.ops[name]
    accepted = table.accepted(op, dtype)
    if accepted:
        return accepted[0].plugin
    return "decomposition" if op.decomposition is not None else "nobody"


def _others(table: Table, op: Op, dtype: DType, tried: list[Any]) -> tuple[tuple[str, str], ...]:
    """Return (plugin, why not) of each plugin that has kernels of the op of which none is tried."""
    by_plugin: dict[str, list[Offer]] = {}
    for offer in table.candidates(op.name):
        by_plugin.setdefault(offer.plugin, []).append(offer)
    for offer in tried:
        by_plugin.pop("" if offer is None else offer.plugin, None)
    found = []
    for plugin, offers in by_plugin.items():
        fitting = [offer for offer in offers if dtype.name in offer.kernel.dtypes]
        if fitting:
            found += [(plugin, _why_not(offer, table, op, dtype, tried)) for offer in fitting]
        else:
            names = sorted({name for offer in offers for name in offer.kernel.dtypes})
            found.append((plugin, f"it is for {' '.join(names)}"))
    return tuple(found)


def _why_not(offer: Offer, table: Table, op: Op, dtype: DType, tried: list[Any]) -> str:
    kernel = offer.kernel
    if kernel.version != op.version:
        return f"it is for version {kernel.version} of the op, this is version {op.version}"
    if offer.examined:
        wrong = trust.verdict_on(kernel, offer.plugin, table.device).wrong
        if wrong:
            return f"refused: {wrong}"
    for name in registry.group_of(op.name):
        if offer.plugin != OVERRIDE and all(o.plugin != offer.plugin for o in table.usable(name, dtype)):
            return f"it has no {name}, which comes from the same plugin or not at all"
    if any(o is not None and o.plugin == OVERRIDE for o in tried):
        return "an override comes first"
    return f"priority {kernel.priority}, it comes later"


def distribution_of(plugin: str) -> str:
    """Return the distribution of a plugin with its version, or ""."""
    from rustorch.dispatch.opening import plugins

    record = plugins().records.get(plugin)
    return f"{record.distribution} {record.version}" if record is not None and record.distribution else ""
