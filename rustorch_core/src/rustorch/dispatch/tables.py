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

from rustorch._fastpath import Contiguous
from rustorch.base import TensorBase, allocate
from rustorch.dispatch import overrides, policy, registry, trust
from rustorch.dispatch.contract import Kernel
from rustorch.dispatch.overrides import OVERRIDE

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dtypes import DType
    from rustorch.ops.op import Op

    Call = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Offer:
    """A kernel and the plugin it came from; `examined` if it must be found right before it is used."""

    kernel: Kernel
    plugin: str
    examined: bool = False


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

    __slots__ = ("device", "offers", "used", "wrappers")

    def __init__(
        self,
        device: Device,
        offers: dict[str, list[Offer]],
        wrappers: tuple[Any, ...] = (),
        used: set[tuple[str, str]] | None = None,
    ) -> None:
        self.device = device
        self.offers = offers
        self.wrappers = wrappers
        self.used = set() if used is None else used  # (op, dtype); outlives the table

    def __missing__(self, name: str) -> Row:
        row = self[name] = Row(self, registry.ops[name])
        return row

    def resolve(self, op: Op, dtype: DType) -> Call:
        """Return the callable for one op and dtype, and note that it is used."""
        self.used.add((op.name, dtype.name))
        *conditional, final = self.chain(op, dtype)
        if final is not None:
            call = _adapted(final.kernel)
        elif op.decomposition is not None:
            call = policy.decomposed(op, self.device)
        else:
            call, _ = policy.without_kernel(op, dtype, self.device, self.who_supplies(op))
        for offer in reversed(conditional):
            call = _conditional(offer.kernel, call)
        return call

    def chain(self, op: Op, dtype: DType) -> list[Any]:
        """Return the offers that are tried in turn: all but the last have a condition.

        The last is None where no kernel is without one.
        """
        tried: list[Any] = []
        for offer in self.accepted(op, dtype):
            tried.append(offer)
            if offer.kernel.when is None:
                return tried
        return [*tried, None]

    def accepted(self, op: Op, dtype: DType) -> list[Offer]:
        """Return the usable kernels, best first.

        An op and its backward come from one plugin or not at all: mixing two kernels' ideas of
        what is saved between them gives wrong gradients.  Only an override in force is free to
        replace one of them.
        """
        found = self.usable(op.name, dtype)
        group = registry.group_of(op.name)
        if len(group) == 1 or not found:
            return found
        suppliers = [[offer.plugin for offer in self.usable(name, dtype)] for name in group]
        complete = set(suppliers[0]).intersection(*suppliers[1:])
        together = [offer for offer in found if offer.plugin in complete and offer.plugin != OVERRIDE]
        together.sort(key=lambda offer: suppliers[0].index(offer.plugin))
        return [offer for offer in found if offer.plugin == OVERRIDE] + together

    def usable(self, name: str, dtype: DType) -> list[Offer]:
        """Return the kernels of an op that are for a dtype and not wrong, best first."""
        version = registry.ops[name].version if name in registry.ops else 0
        return [
            offer
            for offer in self.candidates(name)
            if dtype.name in offer.kernel.dtypes
            and offer.kernel.version == version
            and not (offer.examined and trust.verdict_on(offer.kernel, offer.plugin, self.device).wrong)
        ]

    def who_supplies(self, op: Op) -> str:
        """Say which dtypes this device has the op for."""
        have = sorted({name for o in self.candidates(op.name) for name in o.kernel.dtypes})
        return (
            f"{op.name} exists here for {', '.join(have)}"
            if have
            else f"no plugin supplies {op.name} for {self.device.type}"
        )

    def candidates(self, name: str) -> list[Offer]:
        """Return all kernels of an op, best first: overrides, then those of plugins."""
        scoped = [Offer(o.kernel, OVERRIDE, o.check) for o in overrides.active(name, self.device)]
        return scoped + self.offers.get(name, [])


def _adapted(kernel: Kernel) -> Call:
    """Return the kernel's function, copying operands to the layout it wants."""
    if kernel.layout == "strided":
        return kernel.fn
    fn = kernel.fn

    def packing(out: Any, *inputs: Any, **attrs: Any) -> None:
        outs = out if out.__class__ is tuple else (out,)
        ready = [x if x is None or x.dense >= 0 else packed(x) for x in inputs]
        whole = tuple(o if o is None or o.dense >= 0 else packed(o) for o in outs)
        fn(whole if out.__class__ is tuple else whole[0], *ready, **attrs)
        for target, source in zip(outs, whole, strict=True):
            if target is not source:
                _copy(target, source)

    return Contiguous(fn, packing)


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
