"""``rustorch.bisect``: the first op of a training step that is wrong by itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rustorch import rng
from rustorch.base import TensorBase
from rustorch.device import Device, as_device
from rustorch.dispatch import observing, registry
from rustorch.dispatch.provenance import Source, source_of
from rustorch.dtypes import DType
from rustorch.errors import ArgumentTypeError
from rustorch.hardware.call import Call
from rustorch.hardware.finding import BisectReport, Finding
from rustorch.hardware.memory import read
from rustorch.hardware.oracle import Judgement, apart, own_kernels, primitives_only
from rustorch.hardware.stream import Launch, Place, Stream
from rustorch.hardware.watch import Watched, watched

#: The name that stands for "each op's own decomposition" in place of a device.
DECOMPOSITION = "decomposition"


def bisect(step: Callable[..., Any], *, a: Device | str, b: Device | str) -> BisectReport:
    """Run a training step on two devices and name the first op that is wrong by itself on the second.

    `step` builds model, data and optimizer, trains one step (or a few) and may return the loss.  It gets
    the device as its argument, or takes none and runs with the device as default.  Both runs start from
    the same state of the random numbers, and that state is put back at the end.

    On `b` every kernel runs amid guards, and its result is compared with what the kernels of `a` make of
    the *same* inputs, in float64 where possible.  So the error that an op inherits from earlier ones does
    not count against it.  An op is wrong if its own error is larger than the conformance suite lets pass
    (4 times its budget), if it writes what is not its result, or raises where `a` does not (or the
    reverse).  If there is none, the first op that exceeds its budget at all is named, or that gives
    different bits for the same inputs.

    Args:
        step: as above; it must not depend on what an earlier run left behind.
        a: the device that is trusted; its backend's own kernels count, without overrides.  Or
            "decomposition": compare each op with its own decomposition, on `b` itself.  That needs no
            second device, trusts the primitives of `b` and leaves them unchecked.
        b: the device in question, as it works now, with all overrides.

    Returns:
        a report; print it.  ``report.found`` says whether an op is wrong.

    Raises:
        ArgumentTypeError: if `step` cannot be called.

    >>> import rustorch
    >>> def step(device):
    ...     model = rustorch.nn.Linear(3, 2).to(device)
    ...     optimizer = rustorch.optim.SGD(model.parameters(), lr=0.1)
    ...     loss = model(rustorch.ones(4, 3, device=device)).tanh().sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> rustorch.bisect(step, a="reference", b="reference").found
    False
    """
    if not callable(step):
        raise ArgumentTypeError(
            f"bisect: a function that trains a step is required, got {type(step).__name__}"
        )
    examined = as_device(b)
    trusted = None if a == DECOMPOSITION else as_device(a)
    for device in (examined, trusted):
        if device is not None:
            device.info.name  # noqa: B018 - opens it, and says so if it cannot be
    state = rng.get_rng_state()
    try:
        return _bisected(step, examined, trusted)
    finally:
        rng.set_rng_state(state)


def _bisected(step: Callable[..., Any], examined: Device, trusted: Device | None) -> BisectReport:
    """Run the step on the device in question, then on the trusted one from the same random numbers."""
    state = rng.get_rng_state()
    examination = _Examination(examined, trusted)
    result_b, error = _run(step, examined, examination)
    finding = examination.finding or examination.doubt
    if error is not None and examination.finding is None:
        raise error
    result_a: Any = None
    if trusted is not None:
        rng.set_rng_state(state)
        comparison = _Comparison(trusted, examination.place)
        result_a, error = _run(step, trusted, comparison)
        if finding is not None:
            finding.inherited, finding.inherited_note = _inherited(examination, comparison, error)
        elif error is not None:
            raise error
    return BisectReport(
        a=DECOMPOSITION if trusted is None else str(trusted),
        b=str(examined),
        finding=finding,
        launches=examination.count,
        checked=examination.checked,
        unchecked=dict(examination.unchecked),
        errors=dict(examination.errors),
        results=(result_a, result_b),
    )


def _run(step: Callable[..., Any], device: Device, stream: Stream) -> tuple[Any, Exception | None]:
    """Run the step under an observer; return its result as plain data, and what it raised."""
    with device, observing(stream):
        try:
            result = step(device) if _takes_device(step) else step()
        except Exception as error:  # noqa: BLE001 - the caller decides what it means
            return None, error
    return _plain(result), None


def _takes_device(step: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)


def _plain(result: Any) -> Any:
    if isinstance(result, TensorBase):
        return read(result).item() if result.shape.elements == 1 else None
    return result if isinstance(result, (int, float, str)) else None


class _Examination(Stream):
    """Compares every launch on the device in question with what it should have given, up to the first wrong one."""

    def __init__(self, device: Device, trusted: Device | None) -> None:
        super().__init__(device)
        self.trusted = trusted
        self.finding: Finding | None = None
        self.doubt: Finding | None = None  # the first that would pass the suite, and is not as it should be
        self.checked = 0
        self.unchecked: dict[str, str] = {}
        self.errors: dict[str, tuple[float, float]] = {}  # op -> greatest own error: budgets, ULP
        self.outer: list[_Seen] = []
        self.place: Place | None = None
        self._oracles = (own_kernels(trusted or device), primitives_only(device))

    def launched(
        self,
        launch: Launch,
        dtype: DType,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Run the kernel and judge it."""
        if self.finding is not None:
            call(out, *inputs, **attrs)
            return
        ran = watched(launch.op, dtype, call, out, inputs, attrs)
        if self.finding is None:  # else something inside of it was found
            self.pause(paused=True)
            try:
                self._examine(launch, dtype, ran, call)
            finally:
                self.pause(paused=False)
        if ran.error is not None:
            raise ran.error

    def _examine(self, launch: Launch, dtype: DType, ran: Watched, call: Callable[..., None]) -> None:
        source = source_of(self.device.kernels, registry.ops[launch.op], dtype)
        if ran.trespass:
            self._found(launch, ran.call, source, "trespass", Judgement(math.inf, text=ran.trespass))
            return
        judgement = self._judged(ran, source)
        if judgement.unknown:
            self.unchecked.setdefault(launch.op, judgement.unknown)
        else:
            self.checked += 1
            worst = self.errors.get(launch.op, (0.0, 0.0))
            self.errors[launch.op] = max(worst, (judgement.budgets, judgement.ulp))
            if judgement.wrong:
                self._found(launch, ran.call, source, "error" if judgement.raised else "result", judgement)
                return
            if judgement.budgets > 1 and self.doubt is None:
                self._found(launch, ran.call, source, "inexact", judgement)
        if source.plugin and self.doubt is None and ran.error is None:  # not a decomposition
            self._look_again(launch, dtype, ran, call, source)

    def _judged(self, ran: Watched, source: Source) -> Judgement:
        own, primitives = self._oracles
        oracle = own
        if self.trusted is None:
            if registry.ops[ran.call.op].decomposition is not None:
                oracle = primitives
            elif source.plugin == self._owner(ran.call.op):
                return Judgement(unknown="a primitive of the device itself")
        return oracle.judge(ran.call, ran.results, ran.error)

    def _owner(self, op: str) -> str:
        """Return the plugin whose kernel the device's own table has for an op."""
        offers = self._oracles[0].table.candidates(op)
        return offers[0].plugin if offers else ""

    def _look_again(
        self, launch: Launch, dtype: DType, ran: Watched, call: Callable[..., None], source: Source
    ) -> None:
        """Run a kernel once more on the same inputs, and note if it gives other bits."""
        out, inputs = ran.call.build(self.device)
        again = watched(launch.op, dtype, call, out, inputs, ran.call.attrs)
        for number, (first, second) in enumerate(zip(ran.results, again.results, strict=True)):
            if first is not None and second is not None and first.tobytes() != second.tobytes():
                away = apart(first, second, ran.call.outs[number].dtype)  # type: ignore[union-attr] # it has a result
                text = f"result {number} differs by {away:.3g} ULP when the call is repeated"
                self._found(launch, ran.call, source, "nondeterministic", Judgement(text=text, ulp=away))
                return

    def _found(self, launch: Launch, call: Call, source: Source, kind: str, judgement: Judgement) -> None:
        finding = Finding(
            launch.op,
            kind,
            launch.number,
            launch.phase,
            launch.inside,
            call,
            source,
            judgement,
            str(self.device),
        )
        if kind in ("inexact", "nondeterministic"):
            self.doubt = finding
        else:
            self.finding = finding
        outermost = self.outermost()
        self.outer, self.place = _seen(outermost.inputs), outermost.place


#: The dtype and values of an operand.
_Seen = tuple[str, np.ndarray[Any, Any]] | None


def _seen(inputs: tuple[Any, ...]) -> list[_Seen]:
    return [None if x is None else (x.dtype.name, read(x)) for x in inputs]


class _Comparison(Stream):
    """Keeps what the launch at one place is given."""

    def __init__(self, device: Device, wanted: Place | None) -> None:
        super().__init__(device)
        self.wanted = wanted
        self.inputs: list[_Seen] | None = None

    def launched(
        self,
        launch: Launch,
        dtype: DType,
        call: Callable[..., None],
        out: Any,
        inputs: tuple[Any, ...],
        attrs: dict[str, Any],
    ) -> None:
        """Run the kernel."""
        del dtype
        if launch.place == self.wanted and not launch.inside:
            self.inputs = _seen(inputs)
        call(out, *inputs, **attrs)


def _inherited(
    examination: _Examination, comparison: _Comparison, error: Exception | None
) -> tuple[float | None, str]:
    """Return by how many ULP the op's inputs differ between the two runs; None with a reason if nobody knows."""
    if comparison.inputs is None:
        why = f": it raised {type(error).__name__}" if error is not None else ""
        return None, f"the step on {comparison.device} has no such launch{why}"
    pairs = zip(examination.outer, comparison.inputs, strict=True)
    return max((apart(x[1], y[1], x[0]) for x, y in pairs if x and y), default=0.0), ""
