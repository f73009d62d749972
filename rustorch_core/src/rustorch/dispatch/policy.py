"""What happens when a device has no kernel: never a surprise.

``error`` (the default) raises, naming op, dtype, device and who could help.  A decomposition on the
same device is always allowed, and counted.  ``host`` copies the operands to a backend on host
memory, only where the user asked for it; it warns once per op and counts calls and bytes.
"""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from rustorch.base import TensorBase, allocate
from rustorch.device import Device
from rustorch.dtypes import float32
from rustorch.errors import ArgumentError, MissingKernelError
from rustorch.tape import mode

if TYPE_CHECKING:
    from rustorch.dtypes import DType
    from rustorch.ops.op import Op

    Call = Callable[..., None]

Policy = Literal["error", "host"]
_current: Policy = "error"
_lock = threading.Lock()
_decomposed: Counter[tuple[str, str]] = Counter()
_host_calls: Counter[tuple[str, str]] = Counter()
_host_bytes: Counter[tuple[str, str]] = Counter()
_warned: set[tuple[str, str]] = set()

#: Swaps fresh tables in; set by `rustorch.dispatch.opening`.
rebuild: Callable[[], None] = lambda: None  # noqa: E731 - a variable, to be set
#: Finds a backend on host memory to fall back to; set by `rustorch.dispatch.opening`.
find_host: Callable[[Device], Device | None] = lambda _device: None  # noqa: E731 - the same


def set_fallback(policy: Policy) -> None:
    """Choose for the whole process what a missing kernel does: ``"error"`` or ``"host"``."""
    global _current
    if policy not in ("error", "host"):
        raise ArgumentError(f"set_fallback: expected 'error' or 'host', got {policy!r}")
    if policy != _current:
        _current = policy
        rebuild()


@contextmanager
def fallback(policy: Policy) -> Iterator[None]:
    """Choose what a missing kernel does, in a ``with`` block."""
    before = _current
    set_fallback(policy)
    try:
        yield
    finally:
        set_fallback(before)


def fallback_report() -> dict[str, dict[str, dict[str, int]]]:
    """Return what did not run natively: ``{"decomposed": {device: {op: calls}}, "host": ..., "host_bytes": ...}``."""
    with _lock:
        counted = {
            "decomposed": dict(_decomposed),
            "host": dict(_host_calls),
            "host_bytes": dict(_host_bytes),
        }
    report: dict[str, dict[str, dict[str, int]]] = {}
    for kind, counts in counted.items():
        report[kind] = {}
        for (device, op), count in sorted(counts.items()):
            report[kind].setdefault(device, {})[op] = count
    return report


def reset_fallback_report() -> None:
    """Set the counts of :func:`fallback_report` to zero."""
    with _lock:
        for counter in (_decomposed, _host_calls, _host_bytes):
            counter.clear()


@contextmanager
def uncounted() -> Iterator[None]:
    """Leave :func:`fallback_report` and the ops that were warned of as they are, whatever runs in the block."""
    counters = (_decomposed, _host_calls, _host_bytes)
    with _lock:
        before = [Counter(counter) for counter in counters]
        warned = set(_warned)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*see rustorch.fallback_report")
            yield
    finally:
        with _lock:
            for counter, counts in zip(counters, before, strict=True):
                counter.clear()
                counter.update(counts)
            _warned.intersection_update(warned)


def host_for(device: Device) -> Device | None:
    """Return where an op without kernel and decomposition runs for a device; None if that is an error."""
    return find_host(device) if _current == "host" else None


def decomposed(op: Op, device: Device) -> Call:
    """Return a callable that runs the op's decomposition and stores its results in `out`."""
    key = (str(device), op.name)
    decompose = op.decomposition
    assert decompose is not None  # noqa: S101 - for the type checker

    def run(out: Any, *inputs: Any, **attrs: Any) -> None:
        _decomposed[key] += 1
        operands = inputs
        if op.updates_out:
            operands = (*(out if isinstance(out, tuple) else (out,)), *inputs)
        elif op.widens:
            operands = tuple([_widened(x) for x in inputs])
        recording, mode.grad = mode.grad, False
        try:
            results = decompose(*operands, **attrs)
        finally:
            mode.grad = recording
        if isinstance(out, tuple):
            for target, source in zip(out, results, strict=True):
                if target is not None:
                    _store(target, source)
        else:
            _store(out, results)

    return run


def _widened(x: TensorBase) -> TensorBase:
    """Return a tensor of a half dtype in float32, others as they are."""
    if not x.dtype.is_floating_point or x.dtype.itemsize > 2:
        return x
    wide: TensorBase = allocate(x.shape, float32, x.device)
    x.device.kernels["cast"][x.dtype](wide, x)
    return wide


def _store(target: TensorBase, source: TensorBase) -> None:
    name = "copy" if target.dtype is source.dtype else "cast"
    dispatch = source.dtype
    target.device.kernels[name][dispatch](target, source)


def without_kernel(op: Op, dtype: DType, device: Device, available: str) -> tuple[Call, str]:
    """Return (callable, source) for an op that the device cannot do."""
    host = host_for(device)
    if host is not None:
        return on_host(op, dtype, device, host), "host"

    def fail(_out: Any, *_inputs: Any, **_attrs: Any) -> None:
        raise MissingKernelError(
            f"{op.name}: no kernel for {dtype.name} on device {device} ({available})",
            hint='cast to a dtype that is there, or allow copies through host memory: with rustorch.fallback("host")',
        )

    return fail, "missing"


def on_host(op: Op, dtype: DType, device: Device, host: Device) -> Call:
    """Return a callable that copies operands to a host device, runs the op there and copies results back."""
    key = (str(device), op.name)

    def run(out: Any, *inputs: Any, **attrs: Any) -> None:
        if key not in _warned:
            _warned.add(key)
            warnings.warn(
                f"{op.name}: runs on {host} for device {device}; see rustorch.fallback_report()", stacklevel=3
            )
        outs = out if isinstance(out, tuple) else (out,)
        here = [None if x is None else transfer(x, host) for x in inputs]
        results = tuple(None if o is None else transfer(o, host) for o in outs)
        host.kernels[op.name][dtype](results if isinstance(out, tuple) else results[0], *here, **attrs)
        for target, source in zip(outs, results, strict=True):
            if target is not None:
                _store(target, transfer(source, device))  # type: ignore[arg-type]  # None where the target is
        moved = sum(x.shape.elements * x.dtype.itemsize for x in (*inputs, *outs, *outs) if x is not None)
        with _lock:
            _host_calls[key] += 1
            _host_bytes[key] += moved

    return run


def transfer(x: TensorBase, device: Device) -> Any:
    """Return a contiguous copy of `x` on another device, without history: directly, or through host memory."""
    if x.strides is not x.shape.strides:
        whole = allocate(x.shape, x.dtype, x.device)
        _store(whole, x)
        x = whole
    size = x.dtype.itemsize
    nbytes = x.shape.elements * size
    result = allocate(x.shape, x.dtype, device)
    if nbytes and not _between_peers(result, x, nbytes):
        staged = memoryview(bytearray(nbytes))
        x.device.runtime.copy_to_host(staged, x.storage.buffer, x.offset * size)
        device.runtime.copy_from_host(result.storage.buffer, 0, staged)
    return result


def _between_peers(result: TensorBase, x: TensorBase, nbytes: int) -> bool:
    """Copy without the host, if the runtime of the result can; return whether it did."""
    copy = getattr(result.device.runtime, "copy_from_peer", None)
    if copy is None:
        return False
    start = x.offset * x.dtype.itemsize
    return bool(copy(result.storage.buffer, 0, x.device.runtime, x.storage.buffer, start, nbytes))
