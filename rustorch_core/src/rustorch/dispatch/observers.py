"""Watching ops run: profilers, tracers, recorders.

An observer is an object with ``around(op, dtype, device, call, out, inputs, attrs)`` that calls
``call(out, *inputs, **attrs)`` once.  Installing one swaps in tables whose entries are wrapped, so
observers cost nothing while there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rustorch.dispatch import policy

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dtypes import DType
    from rustorch.ops.op import Op


class Observer(Protocol):
    """See the module docstring."""

    def around(
        self,
        op: Op,
        dtype: DType,
        device: Device,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Run `call`, doing what is to be done before and after."""

    # (optional) watches(device: Device) -> bool
    #     Whether it sees the ops of a device; the others pay nothing for it.  Default: of all devices.


_installed: list[Observer] = []


def add_observer(observer: Observer) -> None:
    """Install an observer on all devices."""
    _installed.append(observer)
    policy.rebuild()


def remove_observer(observer: Observer) -> None:
    """Remove an observer."""
    _installed.remove(observer)
    policy.rebuild()


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Install an observer in a ``with`` block."""
    add_observer(observer)
    try:
        yield
    finally:
        remove_observer(observer)


def wrappers(device: Device) -> tuple[Any, ...]:
    """Return one table wrapper per observer of a device."""
    return tuple(_wrapper(observer) for observer in _installed if _watches(observer, device))


def _watches(observer: Any, device: Device) -> bool:
    watches = getattr(observer, "watches", None)
    return watches is None or bool(watches(device))


def _wrapper(observer: Observer) -> Any:
    def wrap(call: Callable[..., None], op: Op, dtype: DType, device: Device) -> Callable[..., None]:
        def observed(out: Any, *inputs: Any, **attrs: Any) -> None:
            observer.around(op, dtype, device, call, out, inputs, attrs)

        return observed

    return wrap
