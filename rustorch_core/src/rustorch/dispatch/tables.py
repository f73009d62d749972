"""Kernel tables: op name -> dispatch dtype -> callable, one table per device.

A look-up is two dictionary accesses.  A missing entry is resolved once, by `__missing__`: the best
kernel with the layout adapter it asks for, else the op's decomposition, else what the fallback
policy says; in the end a closure that raises the good error.  A change of plugins, overrides,
policy or observers never edits a table: it swaps in a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rustorch.base import TensorBase, allocate
from rustorch.dispatch import overrides, policy, registry
from rustorch.dispatch.contract import Kernel

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dtypes import DType
    from rustorch.ops.op import Op

    Call = Callable[..., None]


#: The plugin name under which kernels of `rustorch.override` appear.
OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Offer:
    """A kernel and the plugin it came from."""

    kernel: Kernel
    plugin: str


class Row(dict["DType", "Call"]):
    """The kernels of one op on one device, by dispatch dtype."""

    __slots__ = ("op", "table")

    def __init__(self, table: Table, op: Op) -> None:
        self.table = table
        self.op = op

    def __missing__(self, dtype: DType) -> Call:
        call = self.table.resolve(self.op, dtype)
        for wrap in self.table.wrappers:
            call = wrap(call, self.op, dtype, self.table.device)
        self[dtype] = call
        return call


class Table(dict[str, Row]):
    """The kernels of one device."""

    __slots__ = ("device", "offers", "sources", "wrappers")

    def __init__(
        self, device: Device, offers: dict[str, list[Offer]], wrappers: tuple[Any, ...] = ()
    ) -> None:
        self.device = device
        self.offers = offers
        self.wrappers = wrappers
        self.sources: dict[tuple[str, str], str] = {}  # (op, dtype) -> who supplied it

    def __missing__(self, name: str) -> Row:
        row = self[name] = Row(self, registry.ops[name])
        return row

    def resolve(self, op: Op, dtype: DType) -> Call:
        """Return the callable for one op and dtype, and note in `sources` where it came from."""
        offers = self.accepted(op, dtype)
        chain = [offer for offer in offers if offer.kernel.when is not None]
        final = next((offer for offer in offers if offer.kernel.when is None), None)
        key = (op.name, dtype.name)
        if final is not None:
            call, source = _adapted(final.kernel), final.plugin
        elif op.decomposition is not None:
            call, source = policy.decomposed(op, self.device), "decomposition"
        else:
            call, source = policy.without_kernel(op, dtype, self.device, self.who_supplies(op))
        for offer in reversed(chain):
            if final is None or offers.index(offer) < offers.index(final):
                call, source = _conditional(offer.kernel, call), f"{offer.plugin} or {source}"
        self.sources[key] = source
        return call

    def accepted(self, op: Op, dtype: DType) -> list[Offer]:
        """Return the usable kernels, best first.

        An op and its backward come from one plugin or not at all: mixing two kernels' ideas of
        what is saved between them gives wrong gradients.  Only an override in force is free to
        replace one of them.
        """
        found = self._usable(op.name, dtype)
        group = registry.group_of(op.name)
        if len(group) == 1:
            return found
        suppliers = [[offer.plugin for offer in self._usable(name, dtype)] for name in group]
        complete = set(suppliers[0]).intersection(*suppliers[1:])
        together = [offer for offer in found if offer.plugin in complete and offer.plugin != OVERRIDE]
        together.sort(key=lambda offer: suppliers[0].index(offer.plugin))
        return [offer for offer in found if offer.plugin == OVERRIDE] + together

    def _usable(self, name: str, dtype: DType) -> list[Offer]:
        version = registry.ops[name].version if name in registry.ops else 0
        return [
            offer
            for offer in self._candidates(name)
            if dtype.name in offer.kernel.dtypes and offer.kernel.version == version
        ]

    def who_supplies(self, op: Op) -> str:
        """Say which dtypes this device has the op for."""
        have = sorted({name for o in self._candidates(op.name) for name in o.kernel.dtypes})
        return (
            f"{op.name} exists here for {', '.join(have)}"
            if have
            else f"no plugin supplies {op.name} for {self.device.type}"
        )

    def _candidates(self, name: str) -> list[Offer]:
        scoped = [Offer(k, OVERRIDE) for k in overrides.active(name, self.device)]
        return scoped + self.offers.get(name, [])


def _adapted(kernel: Kernel) -> Call:
    """Return the kernel's function, copying operands to the layout it wants."""
    if kernel.layout == "strided":
        return kernel.fn
    fn = kernel.fn

    def contiguous(out: Any, *inputs: Any, **attrs: Any) -> None:
        outs = out if out.__class__ is tuple else (out,)
        for x in (*outs, *inputs):
            if x is not None and x.dense < 0:
                break
        else:
            fn(out, *inputs, **attrs)
            return
        ready = [x if x is None or x.dense >= 0 else packed(x) for x in inputs]
        whole = tuple(o if o is None or o.dense >= 0 else packed(o) for o in outs)
        fn(whole if out.__class__ is tuple else whole[0], *ready, **attrs)
        for target, source in zip(outs, whole, strict=True):
            if target is not source:
                _copy(target, source)

    return contiguous


def packed(x: TensorBase) -> Any:
    """Return a contiguous copy of `x` that has no history."""
    result = allocate(x.shape, x.dtype, x.device)
    _copy(result, x)
    return result


def _copy(out: Any, x: Any) -> None:
    out.device.kernels["copy"][out.dtype](out, x)


def _conditional(kernel: Kernel, otherwise: Call) -> Call:
    call, when = _adapted(kernel), kernel.when
    assert when is not None  # noqa: S101 - for the type checker

    def choose(out: Any, *inputs: Any, **attrs: Any) -> None:
        (call if when(out, *inputs, **attrs) else otherwise)(out, *inputs, **attrs)

    return choose


def provenance(device: Device | str | None = None) -> dict[str, dict[str, str]]:
    """Return who supplied each kernel used so far: {op: {dtype: plugin, "decomposition" or "host"}}.

    Args:
        device: the device asked about; the default device if None.
    """
    from rustorch.device import as_device

    result: dict[str, dict[str, str]] = {}
    for (op, dtype), source in sorted(as_device(device).kernels.sources.items()):
        result.setdefault(op, {})[dtype] = source
    return result
