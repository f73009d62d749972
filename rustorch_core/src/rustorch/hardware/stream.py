"""The stream of kernel launches of a step: number, phase and nesting of each."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from rustorch.device import Device
from rustorch.dispatch import trust
from rustorch.dtypes import DType
from rustorch.tape import mode

_ENGINE = "rustorch.autograd.engine"
_OPTIMIZERS = "rustorch.optim"


#: An op, its phase, shapes and dtypes of its inputs, and how often there was such a launch before.  Two runs of a
#: step are matched by it, since their numbers may differ: a device makes some constants only once.
Place = tuple[str, str, tuple[Any, ...], int]


@dataclass(slots=True)
class Launch:
    """One op that runs: its place in the stream.

    Attributes:
        number: counts from 1 the launches that the core makes; those inside of a decomposition have the
            number of the op that is decomposed.
        phase: "forward", "backward" or "optimizer".
        inside: names of the ops whose decomposition it belongs to, the outermost first.
        place: what identifies it among the launches of another run; that of the op which is decomposed.
    """

    op: str
    number: int
    phase: str
    inside: tuple[str, ...]
    inputs: tuple[Any, ...]
    place: Place


class _Running(threading.local):
    def __init__(self) -> None:
        self.stack: list[Launch] = []
        self.paused = False


class Stream:
    """An observer of the launches on one device; subclasses say what is done with each."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.count = 0
        self._before: Counter[Any] = Counter()
        self._running = _Running()

    def around(
        self,
        op: Any,
        dtype: DType,
        device: Device,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Number a launch and hand it on; see :class:`rustorch.dispatch.observers.Observer`."""
        running = self._running
        if device is not self.device or running.paused or trust.examining():
            call(out, *inputs, **attrs)
            return
        stack = running.stack
        if stack:
            outer = stack[-1]
            launch = Launch(
                op.name, outer.number, outer.phase, (*outer.inside, outer.op), inputs, outer.place
            )
        else:
            self.count += 1
            doing = phase()
            kind = (op.name, doing, tuple([None if x is None else (x.shape, x.dtype.name) for x in inputs]))
            launch = Launch(op.name, self.count, doing, (), inputs, (*kind, self._before[kind]))
            self._before[kind] += 1
        stack.append(launch)
        try:
            self.launched(launch, dtype, call, out, inputs, attrs)
        finally:
            stack.pop()

    def launched(
        self,
        launch: Launch,
        dtype: DType,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Run `call` once, doing what is to be done before and after."""
        raise NotImplementedError

    def outermost(self) -> Launch:
        """Return the launch by the core that is running in this thread."""
        return self._running.stack[0]

    def pause(self, *, paused: bool) -> None:
        """Let ops of this thread pass unseen, or no longer."""
        self._running.paused = paused


def phase() -> str:
    """Return what the running step is doing, from the functions that called: the nearest tells.

    A closure that an optimizer calls to compute the loss again records, so it is forward.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == _ENGINE:
            return "backward"
        if module.startswith(_OPTIMIZERS):
            return "forward" if mode.grad else "optimizer"
        frame = frame.f_back
    return "forward"
