"""What an op is: a name with rules attached.

A rule for shapes and dtypes runs before dispatch, so that every backend gives the same error text.
A derivative rule per operand is written on public ops, so that it can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rustorch._fastpath import bind_calls, invoke
from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.dispatch.policy import transfer
from rustorch.dtypes import DType
from rustorch.errors import DeviceError, RusTorchError
from rustorch.shape import Shape

#: A rule's answer: shape and dtype of the result, or a list of these for several results.
Result = tuple[Shape, DType]
Rule = Callable[..., Any]
Vjp = Callable[..., Any]


class Op:
    """One declared op.  Calling it is the low-level way: operands by position, attributes by keyword.

    Attributes:
        name: what kernels are registered under.
        rule: ``rule(*operands, **attributes)`` checks them and returns a `Result`, or a list of them.
        decomposition: computes the op on other ops; None for a primitive.
        updates_out: the kernel changes `out` in place, so the decomposition gets it as first operands.
        non_differentiable: numbers of the results that carry no gradient.
        unused_results: numbers of the results that the derivative does not need, where it needs others.
        dispatched: whether kernels are looked up under its name; False for views and for what is put
            together of other ops by its ``__call__``.
    """

    dispatched = True

    def __init__(
        self,
        name: str,
        rule: Rule,
        *,
        decomposition: Callable[..., Any] | None = None,
        dispatch: int = 0,
        partner: str | tuple[str, ...] | None = None,
        version: int = 1,
        updates_out: bool = False,
        non_differentiable: tuple[int, ...] = (),
        unused_results: tuple[int, ...] = (),
        doc: str = "",
    ) -> None:
        if name in registry.ops:
            raise RusTorchError(f"op {name!r} is declared twice")
        self.name = name
        self.rule = rule
        self.decomposition = decomposition
        self.dispatch = dispatch  # position of the operand whose dtype selects the kernel
        registry.join((name, *((partner,) if isinstance(partner, str) else partner or ())))
        self.version = version
        self.updates_out = updates_out
        self.non_differentiable = frozenset(non_differentiable)
        self.unused_results = frozenset(unused_results)
        self.doc = doc or (decomposition.__doc__ if decomposition else None) or ""
        self.vjps: tuple[Vjp | None, ...] | None = None
        self.joint: Vjp | None = None
        self.why_no_gradient: str | None = "no derivative is declared"
        self.records = True  # False: the result never depends smoothly on the operands
        self.widens = False  # the decomposition computes in float32 for the half dtypes, and rounds once
        self._saves: list[frozenset[int]] = []
        self.plans: dict[tuple[bool, ...], tuple[tuple[bool, ...], bool]] = {}
        registry.ops[name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Check, allocate, run the kernel and record; return the result or results."""
        return invoke(self, operands, attrs)

    def vjp(self, *rules: Vjp | None) -> Op:
        """Declare one derivative per operand: ``rule(g, out, *operands, **attributes)``.

        A parameter whose name starts with an underscore is not kept: the rule gets only its `Spec`.
        None means that the operand is not differentiable.
        """
        self.vjps = rules
        self.why_no_gradient = None
        self._saves = [_kept(rule) if rule else frozenset() for rule in rules]
        return self

    def joint_vjp(self, rule: Vjp) -> Op:
        """Declare one derivative for all operands: ``rule(g, out, *operands, needs, **attributes)``.

        `needs` says which operands want a gradient; the rule returns one per operand, or None.
        """
        self.joint = rule
        self.why_no_gradient = None
        self._saves = [_kept(rule)]
        return self

    def constant(self) -> Op:
        """Declare that the result does not change with small changes of the operands: never recorded."""
        self.records = False
        return self

    def save_plan(self, edges: Sequence[Any]) -> tuple[tuple[bool, ...], bool]:
        """Return, for operands with these edges, which to keep and whether to keep the result."""
        key = tuple([e is not None for e in edges])
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = self._make_plan(key)
        return plan

    def _make_plan(self, needs: tuple[bool, ...]) -> tuple[tuple[bool, ...], bool]:
        count = len(needs)
        if self.joint is not None:
            kept = self._saves[0]
        else:
            kept = frozenset().union(*(s for s, need in zip(self._saves, needs, strict=False) if need))
        everything = _EVERYTHING in kept
        return (tuple(everything or i + 1 in kept for i in range(count)), 0 in kept)


_EVERYTHING = -1


def _kept(rule: Vjp) -> frozenset[int]:
    """Return what a derivative rule uses: 0 for the result, i + 1 for operand i."""
    code = rule.__code__
    names = code.co_varnames[1 : code.co_argcount]  # the first is g
    kept = {i for i, name in enumerate(names) if not name.startswith("_")}
    if code.co_flags & 0x04:  # *operands
        variadic = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        if not variadic.startswith("_"):
            kept.add(_EVERYTHING)
    return frozenset(kept)


def common_device(name: str, inputs: Sequence[Any]) -> Device:
    """Return the device that all operands live on.

    Raises:
        DeviceError: if they live on different ones.
    """
    device = inputs[0].device
    for x in inputs:
        if x is not None and x.device is not device:
            places = ", ".join(str(y.device) for y in inputs if y is not None)
            raise DeviceError(
                f"{name}: all tensors must be on one device, got {places}", hint="move one with .to(device)"
            )
    return device


bind_calls(common_device)


def gather_scalars(name: str, inputs: Sequence[Any]) -> tuple[Device, list[Any]]:
    """Return the common device and the operands, 0-d tensors from host memory moved to it.

    The device is that of the first operand with dims; 0-d operands on host memory follow it.
    """
    device = next((x.device for x in inputs if x.shape), inputs[0].device)
    moved = list(inputs)
    for i, x in enumerate(inputs):
        if x.device is not device and not x.shape and x.device.info.host_memory and not x.needs_grad:
            moved[i] = transfer(x, device)
    return common_device(name, moved), moved
