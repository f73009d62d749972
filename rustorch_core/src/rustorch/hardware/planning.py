"""``rustorch.plan``: which ops of a step a device does itself, before the first step."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rustorch.autograd import enable_grad, no_grad
from rustorch.base import TensorBase
from rustorch.device import Device, get_default_device
from rustorch.dispatch import observing, policy, registry, trust
from rustorch.dispatch.opening import opened_devices
from rustorch.dtypes import DType
from rustorch.errors import ArgumentError, ArgumentTypeError, MissingKernelError
from rustorch.hardware.coverage import Coverage, Status, Verdict
from rustorch.hardware.holdings import Holdings
from rustorch.hardware.plans import Plan, PlannedOp
from rustorch.hardware.snapshot import Snapshot, attributes_of
from rustorch.nn import Module
from rustorch.ops import creation, elementwise
from rustorch.ops.op import Op
from rustorch.ops.optimizer import Update, hyper_dtype
from rustorch.runtime import opened


def plan(
    model: Any,
    example: Any,
    device: Device | str,
    *,
    optimizer: Any = None,
    loss: Callable[[Any], Any] | None = None,
    backward: bool = True,
) -> Plan:
    """Say what `device` would do with each op of a training step, without running anything on it.

    The step runs once where the model is, and everything that it touches is put back: weights, gradients,
    buffers, the optimizer's state, random numbers, counters.  Where `device` would decompose an op, its
    decomposition runs, so the ops inside are counted as well.  The answers are those of the device's kernel
    table and of the fallback policy in force: what the plan says is what will happen.

    Args:
        model: a module with all its parameters, in the mode that is meant (``train()`` or ``eval()``).
        example: its argument: a tensor or array; a tuple or list of several; a dict of keyword arguments.
        device: the device in question; it must be ready here, so that it can be asked.
        optimizer: its step is part of the plan.
        loss: computes the loss from what the model returned, e.g. ``lambda y: F.mse_loss(y, target)``; the
            sum of all floating-point results if None.
        backward: False plans the forward alone, as it runs under ``no_grad()``.

    Returns:
        a :class:`Plan`; print it, or ``assert plan.host == 0 == plan.missing``.

    Raises:
        DeviceError: if the device cannot be opened here.
        ArgumentTypeError: if the model is no module, or the loss cannot be called.
        ArgumentError: if the model has lazy parameters, or an optimizer is given without backward.

    >>> import rustorch
    >>> model = rustorch.nn.Linear(3, 1)
    >>> found = rustorch.plan(model, rustorch.ones(2, 3), "reference")
    >>> found.host, found.missing
    (0, 0)
    """
    target = opened(Device(device))
    _check(model, optimizer, loss, backward=backward)
    held = Holdings([x for x in (model, optimizer) if x is not None], "plan")
    if held.lazy or not getattr(model, "built", True):
        name = held.name(held.lazy[0]) if held.lazy else type(model).__name__
        raise ArgumentError(
            f"plan: a model with all its parameters is required, got {name} without a shape",
            hint="call the model once on an example, or build(input_shape)",
        )
    here = held.tensors[0].device if held.tensors else get_default_device()
    arguments, keywords = _arguments(example, here)
    snapshot = Snapshot(held, attributes_of(held.holders))
    survey = _Survey(target, here)
    try:
        with _unnoticed(), _as_seen_from(target, here), survey.constants(), observing(survey):
            _run(survey, model, arguments, keywords, optimizer, loss, backward=backward)
    finally:
        snapshot.put_back()
    return survey.plan()


def _check(model: Any, optimizer: Any, loss: Any, *, backward: bool) -> None:
    if not isinstance(model, Module):
        raise ArgumentTypeError(f"plan: a Module is required, got {type(model).__name__}")
    if loss is not None and not callable(loss):
        raise ArgumentTypeError(
            f"plan: loss must be a function of the model's result, got {type(loss).__name__}"
        )
    if optimizer is not None and not backward:
        raise ArgumentError("plan: an optimizer needs gradients, got backward=False")


def _arguments(example: Any, here: Device) -> tuple[list[Any], dict[str, Any]]:
    def placed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = creation.tensor(value, device=here)
        return value.detach().to(device=here) if isinstance(value, TensorBase) else value

    if isinstance(example, dict):
        return [], {name: placed(value) for name, value in example.items()}
    return [placed(x) for x in (example if isinstance(example, (tuple, list)) else (example,))], {}


@contextmanager
def _unnoticed() -> Iterator[None]:
    """Leave the counters of fallbacks and the kernels noted as used as they are."""
    before = {device: set(device.kernels.used) for device in opened_devices()}
    try:
        with policy.uncounted():
            yield
    finally:
        for device in opened_devices():
            used = device.kernels.used
            used.intersection_update(before.get(device, ()))


@contextmanager
def _as_seen_from(target: Device, here: Device) -> Iterator[None]:
    """Let the core treat the memory here as memory of the target's kind: it looks into host memory."""
    info = here.info
    if info.host_memory and not target.info.host_memory:
        here.info = dataclasses.replace(info, host_memory=False)
    try:
        yield
    finally:
        here.info = info


def _run(
    survey: _Survey,
    model: Any,
    arguments: list[Any],
    keywords: dict[str, Any],
    optimizer: Any,
    loss: Callable[[Any], Any] | None,
    *,
    backward: bool,
) -> None:
    """Run one step; the survey sees every op."""
    if not backward:
        with no_grad():
            model(*arguments, **keywords)
        return
    with enable_grad():
        model.zero_grad()
        if optimizer is not None:
            optimizer.zero_grad()
        result = model(*arguments, **keywords)
        found = _total(result) if loss is None else loss(result)
        survey.phase = "backward"
        found.backward()
        if optimizer is not None:
            survey.phase = "optimizer"
            optimizer.step()


def _total(result: Any) -> Any:
    """Return the sum of all floating-point tensors in a result."""
    pending, found = [result], []
    while pending:
        value = pending.pop()
        if isinstance(value, TensorBase):
            if value.dtype.is_floating_point and value.needs_grad:
                found.append(value.sum())
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, (tuple, list)):
            pending += value
    if not found:
        raise ArgumentError(
            "plan: a result that requires grad is required, got none",
            hint="give loss=, or backward=False for the forward alone",
        )
    total = found[0]
    for value in found[1:]:
        total = total + value
    return total


class _Survey:
    """The observer: judges each op as the target would meet it, and lets it run here."""

    def __init__(self, target: Device, here: Device) -> None:
        self.phase = "forward"
        self._target = target
        # a number becomes a tensor at its first use on a device: what was used here may be new there
        self._constants = elementwise.constants_of(here, known_on=target)
        self._coverage = Coverage(target)
        self._thread = threading.get_ident()
        self._quiet = False  # inside of an op that the target has a kernel for, whatever it takes here
        self._inside: list[
            dict[str, bool]
        ] = []  # per decomposition: what it ends in -> whether that is missing
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
