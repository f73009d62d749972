"""Extremes: large operands do not overflow on the way to a result that is small, and zeros keep their sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch.device import Device
from rustorch.nn import functional as F
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.recorder import Recorder

#: From where exp overflows in float32, and on.
_LARGE = [
    [-1e4, -200.0, -90.0, -1.0, 0.0, 1.0],
    [1e4, 200.0, 90.0, 1.0, 0.0, -1.0],
    [500.0, 500.0, 500.0, 499.0, 498.0, -500.0],
    [-700.0, -701.0, -700.0, -702.0, -700.5, -700.0],
]


def _attention(x: Any) -> Any:
    return F.scaled_dot_product_attention(x, x, x / 1e4)


#: op -> the public function to apply.
_BOUNDED: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
    "sigmoid": lambda x: x.sigmoid(),
    "tanh": lambda x: x.tanh(),
    "erf": lambda x: x.erf(),
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "elu": F.elu,
    "cross_entropy": lambda x: F.cross_entropy(x, tensor([0, 1, 2, 3], device=x.device), reduction="none"),
    "attention": lambda x: _attention(x.reshape(1, 1, 4, 6)),
}


def _marked(ops: Any) -> list[Any]:
    return [pytest.param(op, marks=pytest.mark.conformance(op=op, dtype="float32")) for op in ops]


@pytest.mark.parametrize("op", _marked(_BOUNDED))
def test_large_operands(op: str, device: Device, reference: Device, grade: Recorder) -> None:
    """The result is finite, and that of the reference in float64 to some roundings."""
    with grade.case(op, "float32", "large operands"):
        values = np.array(_LARGE, np.float32)
        found = np.array(_BOUNDED[op](tensor(values, device=device)).numpy(force=True))
        wide = tensor(values.astype(np.float64), device=reference)
        right = np.array(_BOUNDED[op](wide).numpy(force=True))
        near = np.abs(found - right) <= 1e-6 + 1e-5 * np.abs(right)
        if not near.all():
            place = tuple(int(i) for i in np.unravel_index(int(np.argmin(near)), near.shape))
            grade.wrong(f"expected {right[place]}, got {found[place]} at {place}")


_ZERO = [0.0, -0.0, 0.0, -0.0, 1.0, -1.0]
_OTHER = [1.0, 1.0, -1.0, -1.0, -0.0, 0.0]

#: op -> calls whose zeros have a sign by IEEE 754.
_SIGNED: dict[str, Callable[[Any, Any], Any]] = {
    "neg": lambda x, _: -x,
    "abs": lambda x, _: x.abs(),
    "copy": lambda x, _: x.clone(),
    "sqrt": lambda x, _: (x * x.abs()).sqrt(),
    "floor": lambda x, _: (x / 4).floor(),
    "sin": lambda x, _: x.sin(),
    "tanh": lambda x, _: x.tanh(),
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / (y + 2),
    "add": lambda x, _: x + x,
    "where": lambda x, y: rustorch.where(y > 0, x, -x),
}


@pytest.mark.parametrize("op", _marked(_SIGNED))
def test_sign_of_zero(op: str, device: Device, grade: Recorder, reference: Device) -> None:
    """Zeros have the sign that IEEE 754 gives them; without it there is no A."""
    with grade.case(op, "float32", "sign of zero"):
        x, y = (np.array(v, np.float32) for v in (_ZERO, _OTHER))
        found, right = (
            np.array(_SIGNED[op](tensor(x, device=d), tensor(y, device=d)).numpy(force=True))
            for d in (device, reference)
        )
        wrong = (right == 0) & (found == 0) & (np.signbit(right) != np.signbit(found))
        if wrong.any():
            place = int(np.argmax(wrong))
            grade.measured(
                2.0, 0.0, f"expected {right[place]}, got {found[place]} for {x[place]} and {y[place]}"
            )
