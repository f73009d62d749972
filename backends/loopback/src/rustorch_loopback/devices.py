"""The devices of this process: opening them, holding their streams back, bringing lost ones back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rustorch
from rustorch.dispatch import add_observer, opening
from rustorch.errors import ArgumentTypeError, DeviceError
from rustorch_loopback import layouts
from rustorch_loopback.runtime import LoopbackRuntime
from rustorch_loopback.streams import Event, Stream

_runtimes: dict[int, LoopbackRuntime] = {}
_observers: list[layouts.Relayout] = []


def opened(ordinal: int) -> LoopbackRuntime:
    """Return a new device of this number."""
    if not _observers:
        _observers.append(layouts.Relayout())
        add_observer(_observers[0])
    runtime = _runtimes[ordinal] = LoopbackRuntime(ordinal)
    return runtime


def reset(device: rustorch.Device | str = "loopback") -> None:
    """Bring a device back, empty: after a loss, or in the middle of work.

    Tensors that were on it are lost; using one raises DeviceLostError.

    Args:
        device: e.g. ``"loopback:0"``.

    Raises:
        DeviceError: if it is no loopback device.
    """
    chosen = _checked(device)
    runtime = _runtimes.pop(chosen.index, None)
    if runtime is not None:
        runtime.close()
    opening.close_device(chosen)


@contextmanager
def held(*streams: rustorch.Stream | rustorch.Device | str) -> Iterator[None]:
    """Hold streams back in a ``with`` block: what was not done by then is done after it.

    So a missing wait between streams shows every time and not by chance.  Waiting for a stream that is
    held, inside of the block, never ends.

    Args:
        streams: a stream, or a device, which stands for its current stream; ``"loopback"`` if there is none.
    """
    gates: list[Event] = []
    for stream in streams or ("loopback",):
        queue = stream if isinstance(stream, rustorch.Stream) else rustorch.current_stream(_checked(stream))
        if not isinstance(queue.of_runtime, Stream):
            raise ArgumentTypeError(f"held: a stream of a loopback device is required, got {stream!r}")
        gate = Event(queue.of_runtime.runtime)
        queue.of_runtime.submit(gate.pass_by)
        gates.append(gate)
    try:
        yield
    finally:
        for gate in gates:
            gate()


def _checked(device: rustorch.Device | str) -> rustorch.Device:
    chosen = rustorch.Device(device)
    if chosen.type != "loopback":
        raise DeviceError(f"loopback: a loopback device is required, got {chosen}")
    return chosen
