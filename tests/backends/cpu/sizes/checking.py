"""Run one call on the cpu device and, in float64, on the reference device; compare values and gradients."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import rustorch
from rustorch.testing.op_cases import laid_out
from rustorch_cpu.native import isa, set_isa, supported_isas

LIMIT = 130  # sizes of a dim are 0 to this
LAYOUTS = ("contiguous", "contiguous", "offset", "strided", "reversed")
TOLERANCE = {
    "float32": 2e-4,
    "float64": 1e-9,
}  # of the largest value; what goes wrong at an edge is far larger


@dataclass(frozen=True, slots=True)
class Call:
    """A function of tensors, and the arrays to call it with; floating-point ones are differentiated."""

    function: Callable[..., Any]
    arrays: tuple[np.ndarray, ...]
    text: str
    differentiable: bool = True
    tolerance: float = 1.0  # times TOLERANCE, for functions that amplify rounding errors


class Sizes:
    """Draws of sizes and values for one call.

    Args:
        seed: of all draws.
        sweep: a pair (number of the draw, size): that draw gives this size.
    """

    def __init__(self, seed: int, sweep: tuple[int, int] | None = None) -> None:
        self.random = random.Random(seed)
        self.values = np.random.default_rng(seed)
        self.sweep = sweep
        self.drawn = 0

    def dim(self, most: int = LIMIT, least: int = 0) -> int:
        """Return a size: small, near a multiple of a vector, or anything up to `most`."""
        number, self.drawn = self.drawn, self.drawn + 1
        kind = self.random.randrange(3)
        near = self.random.choice([8, 16, 32, 48, 64, 96, 128]) + self.random.randint(-2, 2)
        size = [self.random.randint(0, 9), near, self.random.randint(0, most)][kind]
        if self.sweep and self.sweep[0] == number:
            size = self.sweep[1]
        return max(least, min(size, most))

    def small(self, most: int, least: int = 1) -> int:
        """Return a size that is no subject of the sweep, such as a kernel's."""
        return self.random.randint(least, most)

    def choose(self, options: Any) -> Any:
        """Return one of the options."""
        return self.random.choice(options)

    def normal(self, *shape: int) -> np.ndarray:
        """Return normal numbers that float32 holds exactly."""
        return self.values.standard_normal(shape).astype(np.float32)

    def int8(self, *shape: int) -> np.ndarray:
        """Return any numbers of int8."""
        return self.values.integers(-128, 128, shape, dtype=np.int8)

    def apart(self, *shape: int) -> np.ndarray:
        """Return numbers in random order with a gap between any two, so that rounding changes no order."""
        count = int(np.prod(shape))
        return (self.values.permutation(count).reshape(shape).astype(np.float32) - count / 2) / 16

    def indices(self, below: int, *shape: int) -> np.ndarray:
        """Return integers from 0 to below."""
        return self.values.integers(0, max(below, 1), shape)


def check(
    call: Call, seed: int, dtypes: tuple[str, ...] = ("float32", "float64"), *, every_isa: bool = False
) -> None:
    """Compare one call for each dtype, with one instruction set or all of them.

    Raises:
        AssertionError: naming the call, the dtype, the instruction set and the difference.
    """
    expected = outcome(call, "reference", "float64", ["contiguous"] * len(call.arrays), seed)
    rng = random.Random(seed)
    before = isa()
    try:
        for name in supported_isas() if every_isa else [rng.choice(supported_isas())]:
            set_isa(name)
            for dtype in dtypes:
                layouts = [rng.choice(LAYOUTS) for _ in call.arrays]
                got = outcome(call, "cpu", dtype, layouts, seed)
                where = f"{call.text}, {dtype}, {name}, {layouts}"
                compare(got, expected, TOLERANCE[dtype] * call.tolerance, where)
    finally:
        set_isa(before)


def outcome(call: Call, device: str, dtype: str, layouts: list[str], seed: int) -> list[np.ndarray]:
    """Return the results of a call, then the gradients of its floating-point arguments."""
    tensors = []
    for array, layout in zip(call.arrays, layouts, strict=True):
        floating = array.dtype.kind == "f"
        kind = getattr(rustorch, dtype if floating else array.dtype.name)
        x = laid_out(array.astype(kind.name), kind, rustorch.empty(0, device=device).device, layout)
        tensors.append(x.requires_grad_() if floating and call.differentiable else x)
    results = call.function(*tensors)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    found = [r.detach().numpy().copy() for r in results]
    if call.differentiable:
        found += gradients(results, [x for x in tensors if x.requires_grad], seed)
    return found


def gradients(results: list[Any], tensors: list[Any], seed: int) -> list[np.ndarray]:
    """Return the gradients of a random weighted sum of the differentiable results."""
    rng = np.random.default_rng(seed)
    results = [r for r in results if r.requires_grad]
    weights = [rng.standard_normal(tuple(r.shape)).astype(np.float32) for r in results]
    seeds = [
        rustorch.tensor(w.astype(r.dtype.name), device=r.device)
        for w, r in zip(weights, results, strict=True)
    ]
    grads = rustorch.autograd.grad(results, tensors, seeds, allow_unused=True)
    return [
        np.zeros(tuple(x.shape)) if g is None else g.numpy().copy()
        for g, x in zip(grads, tensors, strict=True)
    ]


def compare(got: list[np.ndarray], expected: list[np.ndarray], tolerance: float, where: str) -> None:
    """Raise AssertionError unless all arrays agree."""
    assert len(got) == len(expected), where
    for number, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert a.shape == b.shape, f"{where}: result {number} has the shape {a.shape}, not {b.shape}"
        if a.dtype.kind != "f":
            assert (a == b).all(), f"{where}: result {number} differs"
            continue
        finite = np.isfinite(b)
        same = np.where(finite, 0.0, b.astype(np.float64))
        assert np.array_equal(np.where(finite, 0.0, a), same, equal_nan=True), (
            f"{where}: result {number} is not finite"
        )
        if finite.any():
            difference = np.abs(a[finite].astype(np.float64) - b[finite]).max()
            bound = tolerance * (1 + np.abs(b[finite]).max())
            assert difference <= bound, f"{where}: result {number} is off by {difference}, allowed is {bound}"
