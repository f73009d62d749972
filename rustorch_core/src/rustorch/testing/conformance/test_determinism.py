"""Determinism: the same call gives the same bits every time, also where many threads add to one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch.device import Device
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.bits import bits, results_of
from rustorch.testing.conformance.kernel_calls import attempts, every_op
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection


@pytest.mark.parametrize("op", every_op())
def test_repeated_calls(op: str, device: Device, grade: Recorder, selection: Selection) -> None:
    """Three calls with the same operands give the same bits."""
    for name, dtype, call in attempts(op, device, selection, 3 if selection.quick else 24):
        with grade.case(op, dtype, f"{name} repeated"):
            found = [results_of(call, device) for _ in range(3)]
            if any(again != found[0] for again in found[1:]):
                grade.wrong("the same call gave other bits")


def _values(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def _places(count: int, below: int) -> Any:
    return np.random.default_rng(below).integers(0, below, count)


def _added(x: Any) -> Any:
    index = tensor(_places(x.shape[0], 7), device=x.device)
    return rustorch.zeros(7, device=x.device).scatter_add(0, index, x)


def _rows_added(x: Any) -> Any:
    index = tensor(_places(x.shape[0], 5), device=x.device)
    return rustorch.zeros(5, x.shape[1], device=x.device).index_add(0, index, x)


def _weight_grad(x: Any) -> Any:
    weight = rustorch.ones(4, 3, 3, 3, device=x.device, requires_grad=True)
    rustorch.conv2d(x, weight, padding=1).square().sum().backward()
    return weight.grad


def _norm_grad(x: Any) -> Any:
    weight = rustorch.ones(x.shape[-1], device=x.device, requires_grad=True)
    rustorch.layer_norm(x, (x.shape[-1],), weight).exp().sum().backward()
    return weight.grad


def _batch_norm_grad(x: Any) -> Any:
    weight = rustorch.ones(x.shape[1], device=x.device, requires_grad=True)
    norm = rustorch.nn.functional.batch_norm(x, None, None, weight, None, True)
    norm.exp().sum().backward()
    return weight.grad


#: Large sums into few places: op -> (shape of a float32 operand, what to do with it).
CONTENDED: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "scatter": ((4099,), _added),
    "index_add": ((1031, 3), _rows_added),
    "sum": ((70001,), lambda x: x.sum()),
    "cumsum": ((5003,), lambda x: x.cumsum(0)),
    "matmul": ((33, 2049), lambda x: x @ x.t()),
    "conv2d_weight_grad": ((4, 3, 16, 16), _weight_grad),
    "layer_norm_backward": ((515, 9), _norm_grad),
    "batch_norm_backward": ((16, 3, 9, 9), _batch_norm_grad),
}


@pytest.mark.parametrize("op", [pytest.param(op, marks=pytest.mark.conformance(op=op)) for op in CONTENDED])
def test_contended_sums(op: str, device: Device, grade: Recorder) -> None:
    """Five runs of a large sum into few places give the same bits."""
    shape, work = CONTENDED[op]
    with grade.case(op, "float32", f"{op} contended"):
        x = tensor(_values(*shape), device=device)
        found = {bits(work(x)) for _ in range(5)}
        if len(found) > 1:
            grade.wrong(f"five runs gave {len(found)} different results")
