"""Watching a step as another device would run it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rustorch.device import Device
from rustorch.dispatch import policy, registry, trust
from rustorch.dtypes import DType
from rustorch.errors import MissingKernelError
from rustorch.hardware.coverage import Coverage, Status, Verdict
from rustorch.hardware.plans import Plan, PlannedOp
from rustorch.ops import elementwise
from rustorch.ops.op import Op
from rustorch.ops.optimizer import Update, hyper_dtype


class Survey:
    """The observer of a plan: judges each op as the target would meet it, and lets it run here."""

    def __init__(self, target: Device, here: Device) -> None:
        self.phase = "forward"
        self._target = target
        # a number becomes a tensor at its first use on a device: what was used here may be new there
        self._constants = elementwise.constants_of(here, known_on=target)
        self._coverage = Coverage(target)
        self._thread = threading.get_ident()
        self._quiet = False  # inside of an op that the target has a kernel for, whatever it takes here
        # per decomposition that is running: what it ends in -> whether that is missing
        self._inside: list[dict[str, bool]] = []
        self._rows: dict[tuple[str, str, str, Status, str], list[Any]] = {}

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
        """Judge an op, note it, and run it here; see :class:`rustorch.dispatch.observers.Observer`."""
        if self._quiet or threading.get_ident() != self._thread or trust.examining():
            call(out, *inputs, **attrs)
            return
        inputs_there = self._as_there(op, inputs)
        verdict = self._coverage.verdict(op, dtype, out, inputs_there, attrs)
        if verdict.status == "decomposed":
            self._decompose(op, dtype, device, out, inputs_there, attrs)
            return
        self._note(op.name, dtype.name, verdict, 0 if verdict.status != "host" else _crossing(out, inputs))
        self._copies(verdict, op, out, inputs)
        with self._unseen():
            _somehow(op, dtype, device, call, out, inputs, attrs)

    @contextmanager
    def constants(self) -> Iterator[None]:
        """Let numbers be as new in the block as they are on the target."""
        before = elementwise.use_constants(self._constants)
        try:
            yield
        finally:
            elementwise.use_constants(before)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Let ops pass: what runs here has nothing to do with what would run on the target."""
        self._quiet = True
        before = elementwise.use_constants(({}, {}, {}))
        try:
            yield
        finally:
            self._quiet = False
            elementwise.use_constants(before)

    def _as_there(self, op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the operands of an update with hyper-parameters of the dtype that they have on the target."""
        if isinstance(op, Update) and hyper_dtype(self._target) is not inputs[-1].dtype:
            with self._unseen():
                inputs = (*inputs[:-1], inputs[-1].to(hyper_dtype(self._target)))
        return inputs

    def _decompose(
        self, op: Op, dtype: DType, device: Device, out: Any, inputs: tuple[Any, ...], attrs: dict[str, Any]
    ) -> None:
        self._inside.append({})
        try:
            policy.decomposed(op, device)(out, *inputs, **attrs)
        finally:
            ends = self._inside.pop()
        lacking = sorted(name for name, missing in ends.items() if missing)
        if lacking:
            verdict = Verdict("missing", f"its decomposition needs {', '.join(lacking)}")
        else:
            verdict = Verdict("decomposed", "")
        self._note(op.name, dtype.name, verdict, 0, ends)

    def _note(
        self, op: str, dtype: str, verdict: Verdict, nbytes: int, ends: dict[str, bool] | None = None
    ) -> None:
        key = (self.phase, op, dtype, verdict.status, verdict.by)
        row = self._rows.setdefault(key, [0, 0, {}])
        row[0] += 1
        row[1] += nbytes
        row[2].update(ends or {})
        if self._inside:
            self._inside[-1].update(ends if ends is not None else {op: verdict.status == "missing"})

    def _copies(self, verdict: Verdict, op: Op, out: Any, inputs: tuple[Any, ...]) -> None:
        """Note the copies to another layout, and those of results that come back from the host."""
        if verdict.status == "missing" or (verdict.status == "native" and verdict.layout == "strided"):
            return
        outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
        extra = [x for x in inputs if x is not None and x.dense < 0]
        scattered = [o for o in outs if o.dense < 0]
        extra += [*scattered, *outs] if verdict.status == "host" else 2 * scattered
        if op.name != "copy":
            for x in extra:
                self._note("copy", x.dtype.name, self._copy_verdict(x), 0)

    def _copy_verdict(self, x: Any) -> Verdict:
        return self._coverage.verdict(registry.ops["copy"], x.dtype, x, (x,), {})

    def plan(self) -> Plan:
        """Return what was noted."""
        rows = [
            PlannedOp(phase, op, dtype, status, by, calls, nbytes, tuple(sorted(ends)))
            for (phase, op, dtype, status, by), (calls, nbytes, ends) in self._rows.items()
        ]
        return Plan(self._target, tuple(rows))


def _crossing(out: Any, inputs: tuple[Any, ...]) -> int:
    """Return the bytes that cross if the op runs on the host: operands there, results there and back."""
    outs = out if isinstance(out, tuple) else (out,)
    return sum(x.shape.elements * x.dtype.itemsize for x in (*inputs, *outs, *outs) if x is not None)


def _somehow(
    op: Op,
    dtype: DType,
    device: Device,
    call: Callable[..., None],
    out: Any,
    inputs: tuple[Any, ...],
    attrs: dict[str, Any],
) -> None:
    """Run an op where it is called, or on the host if it cannot run there: its result is needed to go on."""
    try:
        call(out, *inputs, **attrs)
    except MissingKernelError:
        host = policy.find_host(device)
        if host is None:
            raise
        policy.on_host(op, dtype, device, host)(out, *inputs, **attrs)
