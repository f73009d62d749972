"""Replacing one op's kernel: for a while in a ``with`` block, or until it is removed."""

from __future__ import annotations

import difflib
import itertools
import threading
from collections.abc import Callable, Iterable

from rustorch.device import Device, get_default_device
from rustorch.dispatch import policy, registry, trust
from rustorch.dispatch.contract import Kernel, Layout
from rustorch.errors import ArgumentError, ArgumentTypeError

_ALL_DTYPES = frozenset(
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
)
#: The name under which an override appears among plugins.
OVERRIDE = "override"

_lock = threading.Lock()
_number = itertools.count()
_active: tuple[Override, ...] = ()  # replaced and never edited, so that readers need no lock


class Override:
    """A kernel that is in force from its construction until :meth:`remove`, or to the end of a ``with`` block.

    Made by :func:`rustorch.override`.
    """

    __slots__ = ("check", "device", "kernel", "rank")

    def __init__(self, kernel: Kernel, device: str | None, *, check: bool) -> None:
        self.kernel = kernel
        self.device = device  # a type, or one device with its index; None for all
        self.check = check
        self.rank = (-kernel.priority, -next(_number))  # the highest priority first, then the newest

    @property
    def op(self) -> str:
        """Name of the op."""
        return self.kernel.op

    @property
    def active(self) -> bool:
        """Whether it is in force."""
        return self in _active

    def remove(self) -> None:
        """Put the former kernel in its place again; nothing happens the second time."""
        global _active
        with _lock:
            if self not in _active:
                return
            _active = tuple(o for o in _active if o is not self)
        trust.forget(self.kernel, OVERRIDE)
        policy.rebuild()

    def __enter__(self) -> Override:
        if not self.active:
            raise ArgumentError(
                f"override: the kernel for {self.op!r} was removed", hint="make a new override"
            )
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        state = "active" if self.active else "removed"
        return f"<override of {self.op} on {self.device or 'all devices'}, {state}>"

    def concerns(self, device: Device) -> bool:
        """Return whether the kernel is meant for a device."""
        return self.device in (None, device.type, str(device))


def override(
    op: str,
    kernel: Callable[..., None],
    *,
    device: Device | str | None = None,
    when: Callable[..., bool] | None = None,
    dtypes: Iterable[str] = _ALL_DTYPES,
    layout: Layout = "contiguous",
    priority: int = 0,
    check: bool = True,
) -> Override:
    """Use `kernel` for `op` from now on, or inside a ``with`` block.

    It is in force at once, in all threads, and comes before the kernels of all plugins.  As context
    manager it ends with the block; otherwise with ``remove()`` of what is returned.

    The kernel is compared with the op's decomposition (with a backend that serves as reference, or with
    the kernel that it replaces, where the op has none) on the op's sample calls, in the dtypes and
    layouts that it declares and where `when` is true: on `device`, or on the default device if that is
    None, at once; on others when they first use it.  There a wrong kernel is left out, with a warning.

    An op and its backward otherwise come from one plugin.  An override may replace one of the two: it must
    then save for the backward op what that expects.

    Args:
        op: name of the op.
        kernel: called as ``kernel(out, *inputs, **attributes)``; writes into ``out``.
        device: a device type such as ``"cpu"``, one device such as ``"cuda:1"``; None for all.
        when: called with the kernel's arguments; the kernel is used only where it returns True.
        dtypes: names of the dispatch dtypes that the kernel serves.
        layout: "contiguous" if operands must be copied to that layout first, else "strided".
        priority: among several overrides of an op the highest wins, then the newest.
        check: False leaves out the comparison.

    Raises:
        ArgumentError: if there is no such op, or the kernel is wrong; shows the worst case.
        ArgumentTypeError: if `kernel` or `when` cannot be called.

    >>> import rustorch
    >>> def twice(out, a, b):
    ...     out.detach().copy_(2 * b)
    >>> with rustorch.override("add", twice, check=False):
    ...     rustorch.ones(2) + 3.0
    tensor([6., 6.])
    """
    global _active
    made = _declared(op, kernel, when, dtypes, layout, priority)
    where = None if device is None else _place(device)
    if check:
        _require_right(made, get_default_device() if where is None else Device(where))
    entry = Override(made, where, check=check)
    with _lock:
        _active = tuple(sorted((*_active, entry), key=lambda o: o.rank))
    policy.rebuild()
    return entry


def _require_right(kernel: Kernel, device: Device) -> None:
    verdict = trust.verdict_on(kernel, OVERRIDE, device, quiet=True)
    if verdict.wrong:
        trust.forget(kernel, OVERRIDE)
        raise ArgumentError(
            f"override: the kernel for {kernel.op!r} is wrong on {device}: {verdict.wrong}",
            hint="restrict it with dtypes= or when= to what it can do; check=False leaves out the comparison",
        )


def _declared(
    op: str,
    kernel: Callable[..., None],
    when: Callable[..., bool] | None,
    dtypes: Iterable[str],
    layout: Layout,
    priority: int,
) -> Kernel:
    declared = registry.ops.get(op)
    if declared is None:
        close = difflib.get_close_matches(op, registry.ops, n=3)
        raise ArgumentError(
            f"override: no op is called {op!r}", hint=f"did you mean {' or '.join(close)}?" if close else ""
        )
    for name, value in (("kernel", kernel), ("when", when)):
        if not callable(value) and (name == "kernel" or value is not None):
            raise ArgumentTypeError(f"override: {name} must be callable, got {type(value).__name__}")
    names = frozenset({dtypes} if isinstance(dtypes, str) else map(str, dtypes))
    names = frozenset(name.removeprefix("rustorch.") for name in names)
    if not names or names - _ALL_DTYPES:
        raise ArgumentError(
            f"override: dtypes must be among {', '.join(sorted(_ALL_DTYPES))}, got {sorted(names)}"
        )
    if layout not in ("contiguous", "strided"):
        raise ArgumentError(f"override: layout must be 'contiguous' or 'strided', got {layout!r}")
    return Kernel(op, kernel, names, layout, version=declared.version, priority=priority, when=when)


def _place(device: Device | str) -> str:
    return str(device if isinstance(device, Device) or str(Device(device)) == device else Device(device).type)


def active(op: str, device: Device) -> list[Override]:
    """Return the overrides in force for an op on a device, best first."""
    return [o for o in _active if o.kernel.op == op and o.concerns(device)]


def overrides() -> tuple[Override, ...]:
    """Return all overrides in force, best first."""
    return _active
