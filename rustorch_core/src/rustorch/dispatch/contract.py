"""The contract between the core and a backend: plain records and one protocol, no behaviour.

A backend is an ordinary package with an entry point in the group ``rustorch.plugins``.  Its plugin
object answers the hooks of :mod:`rustorch.dispatch.hookspecs` with the records defined here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

#: (major, minor).  A minor step only adds optional things; a major step may break.
CONTRACT_VERSION = (1, 1)

#: Entry-point group in which backends, kernel overrides and communicators announce themselves.
ENTRY_POINT_GROUP = "rustorch.plugins"

Layout = Literal["contiguous", "strided"]
Buffer = Any  # whatever a runtime's `allocate` returned; opaque to the core


@dataclass(frozen=True, slots=True)
class Ready:
    """A probe's answer: the backend can run here, on `count` devices."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class Absent:
    """A probe's answer: the backend cannot run here, and why; `hint` says what would help."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a plugin says about a backend before any driver is touched."""

    name: str  # the device type: the part of "name:index" before the colon
    contract: str = ">=1.0,<2"  # contract versions that the plugin was written for
    probe: Callable[[], Ready | Absent] = Ready  # may load a driver; called on first use only
    priority: int = 0  # the ready backend with the highest priority is the default device
    description: str = ""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Facts about one opened device."""

    name: str  # "Intel Xeon ...", "NVIDIA H200"
    arch: str = ""  # "avx512", "sm_90"
    total_memory: int = 0  # bytes; 0 if unknown
    dtypes: frozenset[str] = frozenset()  # names of the dtypes that the device can hold
    host_memory: bool = False  # buffers are host memory and `host_view` works
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One implementation of one op on one backend.

    ``fn(out, *inputs, **attributes) -> None`` writes its result into ``out`` (a tuple for an op
    with several results).  Every operand is a view with ``storage.buffer``, ``offset``, ``shape``,
    ``strides`` (both offset and strides in elements) and ``dtype``.  Two shortcuts: ``dense`` is the
    number of elements if they are contiguous, else -1; where a runtime's buffers are integers,
    ``address`` is that of the first element.  An optional operand that was not given is ``None``.
    A kernel reads nothing else and keeps no reference.

    The function of an update (``sgd_step``, ``adam_step``) may have an attribute (optional) ``many``:
    ``fn.many(outs, gradients, hyper)`` does for lists of equal length, whose tensors are contiguous and
    of one dtype, what a call of ``fn`` does for each pair.

    That of ``linear_fused`` may have an attribute (optional) ``panel_width``: in panels of how many rows
    it reads a packed weight fastest; default: 32.
    """

    op: str
    fn: Callable[..., None]
    dtypes: frozenset[str]  # names; matched against the op's dispatch dtype
    layout: Layout = "contiguous"  # "contiguous": the core copies other layouts before the call
    version: int = 1  # version of the op's meaning that the kernel implements
    priority: int = 0  # among several kernels for the same op and dtype the highest wins
    when: Callable[..., bool] | None = None  # evaluated with the kernel's arguments; False: next one


@dataclass(frozen=True, slots=True)
class ExpectedFailure:
    """A shortfall that a backend's author knows of and states, for the conformance suite.

    It is strict: where the failure does not happen, the suite fails and says so (except ``flaky``).
    """

    op: str
    kind: Literal["unsupported", "inaccurate", "slow", "flaky"]
    reason: str  # shown in the report
    dtypes: frozenset[str] = frozenset()  # names; empty: all
    check: str = ""  # the check of the suite that fails; empty: all


@runtime_checkable
class Event(Protocol):
    """A mark in a stream: reached when all work submitted before it is done."""

    def synchronize(self) -> None:
        """Wait until the mark is reached."""

    def query(self) -> bool:
        """Return whether it has been reached."""

    def elapsed_time(self, later: Any) -> float:
        """Return the milliseconds from this mark to a later one."""


@runtime_checkable
class Stream(Protocol):
    """A queue of work on a device, done in the order in which it was submitted."""

    def synchronize(self) -> None:
        """Wait until all work submitted to this stream is done; its errors are raised here at the latest."""

    def query(self) -> bool:
        """Return whether all of it is done."""

    def record(self) -> Event:
        """Return a mark after the work submitted so far."""

    def wait(self, event: Any) -> None:
        """Hold back the work submitted from now on until the mark of any stream is reached; return at once."""


@runtime_checkable
class Runtime(Protocol):
    """Memory and order of execution of one device.  Members marked (optional) may be missing.

    Kernels and copies belong to the current stream of the calling thread and may return before their
    work is done.  Memory that was given to `free` may serve later work of the same stream at once.
    """

    def allocate(self, nbytes: int) -> Buffer:
        """Return a buffer of at least `nbytes` (which may be 0); raise OutOfMemoryError if none is left."""

    def free(self, buffer: Buffer, nbytes: int) -> None:
        """Take back a buffer.  Must not raise; may be called from a finalizer."""

    def copy_from_host(self, buffer: Buffer, offset: int, source: memoryview) -> None:
        """Copy bytes of host memory into the buffer, `offset` bytes from its start.

        The source may change as soon as the call returns.
        """

    def copy_to_host(self, target: memoryview, buffer: Buffer, offset: int) -> None:
        """Copy bytes of the buffer, from `offset`, into writable host memory; waits for pending work."""

    def synchronize(self) -> None:
        """Wait until all submitted work is done; errors of that work are raised here at the latest."""

    def info(self) -> DeviceInfo:
        """Return the facts about this device."""

    # (optional) adopt(array: numpy.ndarray) -> Buffer
    #     Use the memory of a NumPy array as a buffer without a copy.  Default: the core copies.
    # (optional) host_view(buffer, nbytes) -> memoryview
    #     The buffer as host memory, without a copy.  Default: the core copies.
    # (optional) memory_stats() -> dict[str, int]          Default: {}
    # (optional) empty_cache() -> None                     Default: nothing
    # (optional) set_num_threads(n) / get_num_threads()    Default: an error that says so
    # (optional) new_stream(priority: int) -> Stream       Default: one stream, where all work is done at once
    # (optional) current_stream() -> Stream                of the calling thread; comes with new_stream
    # (optional) set_stream(stream) -> None                the same
    # (optional) record_stream(buffer, stream) -> None     The buffer is used on that stream too: its memory
    #     may not serve other work before.  Default: nothing, right for one stream.
    # (optional) copy_from_peer(buffer, offset, runtime, source, source_offset, nbytes) -> bool
    #     Copy from a buffer of another device's runtime, in the order of both current streams; False if
    #     it cannot.  Default: the core copies through host memory.
