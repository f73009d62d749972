"""``rustorch.plan``: which ops of a step a device does itself, before the first step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rustorch.autograd import enable_grad, no_grad
from rustorch.base import TensorBase
from rustorch.device import Device, get_default_device
from rustorch.dispatch import observing, policy
from rustorch.dispatch.opening import opened_devices
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.hardware.holdings import Holdings
from rustorch.hardware.plans import Plan
from rustorch.hardware.snapshot import Snapshot
from rustorch.hardware.survey import Survey
from rustorch.nn import Module
from rustorch.ops import creation
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
    snapshot = Snapshot(held, [vars(holder) for holder in held.holders])
    survey = Survey(target, here)
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
    survey: Survey,
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
