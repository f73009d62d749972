"""The record of a wrong kernel, and a device that has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rustorch.device import Device
from rustorch.dispatch.opening import plugins as found_plugins
from rustorch.plugins import BackendInfo, Kernel, hookimpl, register, unregister


@dataclasses.dataclass(frozen=True)
class WrongKernel:
    """One bug: in which op, what it does, what it imitates, and the backend that is otherwise right."""

    name: str
    op: str
    what: str
    like: str
    wrap: Callable[[Callable[..., None]], Callable[..., None]]  # right kernel -> wrong kernel
    backend: str = "reference"
    dtypes: frozenset[str] = frozenset()  # where it is wrong; empty: everywhere

    def make(self, right: Kernel) -> Kernel:
        """Return the wrong twin of the host backend's kernel; a new one with a state of its own each time."""
        return dataclasses.replace(right, fn=self.wrap(right.fn))

    def concerns(self, kernel: Kernel) -> bool:
        return kernel.op == self.op and (not self.dtypes or bool(self.dtypes & kernel.dtypes))


def wrong(
    op: str, what: str, *, like: str, backend: str = "reference", dtypes: str = ""
) -> Callable[[Any], WrongKernel]:
    """Make a `WrongKernel` of a function from the right kernel to the wrong one; its name is the bug's."""
    return lambda wrap: WrongKernel(wrap.__name__, op, what, like, wrap, backend, frozenset(dtypes.split()))


def found_in(names: dict[str, Any]) -> list[WrongKernel]:
    """Return the wrong kernels among the names of a module, in the order of their definition."""
    return [value for value in names.values() if isinstance(value, WrongKernel)]


class Mutant:
    """A plugin whose backend is another one's runtime and kernels, but for one kernel."""

    def __init__(self, device: str, wrong: WrongKernel | None, backend: str) -> None:
        self.device, self.wrong, self.backend = device, wrong, backend

    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo(self.device, description=f"{self.backend} with a wrong kernel")]

    @hookimpl
    def rustorch_open(self, name: str, ordinal: int) -> Any:
        if name != self.device:
            return None
        return found_plugins().manager.hook.rustorch_open(name=self.backend, ordinal=ordinal)

    @hookimpl
    def rustorch_kernels(self, name: str, info: Any) -> list[Kernel]:
        if name != self.device:
            return []
        return [self._planted(kernel) for kernel in kernels_of(self.backend)]

    def _planted(self, right: Kernel) -> Kernel:
        wrong = self.wrong
        if wrong is None or not wrong.concerns(right):
            return right
        made = wrong.make(right)
        if not wrong.dtypes or right.dtypes <= wrong.dtypes:
            return made

        def choose(out: Any, *inputs: Any, **attrs: Any) -> None:
            result = out[0] if isinstance(out, tuple) else out
            seen = {result.dtype.name} | {x.dtype.name for x in inputs if x is not None}
            (made if seen & wrong.dtypes else right).fn(out, *inputs, **attrs)

        return dataclasses.replace(right, fn=choose)


def kernels_of(backend: str) -> list[Kernel]:
    """Return what the plugins offer for a backend."""
    answers = found_plugins().answers("rustorch_kernels", name=backend, info=Device(backend).info)
    return [kernel for _, kernels in answers for kernel in kernels]


@contextmanager
def planted(wrong: WrongKernel | None, device: str = "mutant", backend: str = "reference") -> Iterator[str]:
    """Register a device with a wrong kernel for a ``with`` block; with None, the right twin of `backend`."""
    register(Mutant(device, wrong, wrong.backend if wrong else backend), device)
    try:
        yield device
    finally:
        unregister(device)
