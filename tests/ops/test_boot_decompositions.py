"""Ops that a backend may leave out are right where they are decomposed: every dtype, and the odd values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import rustorch
from rustorch.dispatch import registry
from rustorch.dispatch.observers import observing
from rustorch.plugins import BOOT_OPS
from rustorch.testing.op_cases import all_op_cases

pytestmark = pytest.mark.usefixtures("boot")

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
DEVICES = ["boot", "boot32"]
UNARY = ["neg", "abs"]
BINARY = ["floor_divide", "remainder", "pow", "maximum", "minimum"]
CURVED = ["tanh", "erf"]


def odd_values(dtype: str) -> np.ndarray:
    if dtype == "bool":
        return np.array([False, True])
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        values = {
            0,
            1,
            2,
            3,
            7,
            10,
            info.min,
            info.min + 1,
            info.max,
            info.max - 1,
            info.max // 2,
            info.max // 3,
        }
        values |= {-1, -2, -3, -7, info.min // 2, info.min // 3} if info.min else set()
        return np.array(sorted(values), dtype)
    info = rustorch.finfo(getattr(rustorch, dtype))
    sizes = [
        0.0,
        info.smallest_normal / 8,
        info.smallest_normal,
        1e-4,
        0.1,
        0.5,
        0.625,
        1.0,
        1.5,
        2.0,
        2.5,
        3.0,
    ]
    sizes += [4.0, 7.75, 100.0, 1001.0, info.max / 3, info.max, math.inf]
    return np.array([s * size for size in sizes for s in (1, -1)] + [math.nan])


def tensors(dtype: str, device: str, count: int) -> list[rustorch.Tensor]:
    grid = itertools.product(odd_values(dtype), repeat=count)
    columns = np.array(list(grid)).T
    return [rustorch.tensor(column, dtype=getattr(rustorch, dtype), device=device) for column in columns]


def numbers(x: rustorch.Tensor) -> np.ndarray:
    found = x.to("reference")
    return (found.to(rustorch.float32) if found.dtype is rustorch.bfloat16 else found).to_numpy()


def units(found: rustorch.Tensor, expected: rustorch.Tensor) -> np.ndarray:
    """Return the distance in units of the expected value's last place; 0 for equal infinities and NaNs."""
    info = rustorch.finfo(found.dtype)
    a, b = numbers(found).astype(np.float64), numbers(expected).astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(all="ignore"):
        exponent = np.maximum(np.floor(np.log2(np.abs(b))), math.log2(info.smallest_normal))
        return np.where(same, 0.0, np.abs(a - b) / (info.eps * np.exp2(exponent)))


def has(device: str, dtype: str) -> None:
    if dtype not in rustorch.device(device).info.dtypes:
        pytest.skip(f"{device} has no {dtype}")


def called(name: str, operands: list[rustorch.Tensor]) -> rustorch.Tensor:
    return getattr(rustorch, name)(*operands)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_integers(name: str, dtype: str, device: str) -> None:
    here, there = (tensors(dtype, place, 1 if name in UNARY else 2) for place in (device, "reference"))
    if name in ("floor_divide", "remainder"):
        nonzero = there[1] != 0
        here, there = [x[nonzero.to(device)] for x in here], [x[nonzero] for x in there]
    found = called(name, here)
    assert found.dtype is here[0].dtype
    np.testing.assert_array_equal(numbers(found), numbers(called(name, there)))
    assert rustorch.provenance(device)[name][dtype] == "decomposition"


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("divisor", [0, rustorch.tensor([3, 0])])
def test_integer_division_by_zero(name: str, divisor: object) -> None:
    divisor = divisor.to("boot") if isinstance(divisor, rustorch.Tensor) else divisor
    with pytest.raises(ZeroDivisionError, match=f"^{name}: integer division by zero$"):
        called(name, [rustorch.tensor([1, 2], device="boot"), divisor])


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["floor_divide", "remainder", "pow"])
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 64, -1, -2, -3])
def test_integers_with_numbers(name: str, dtype: str, number: int) -> None:
    if dtype == "uint8" and number < 0:
        pytest.skip("uint8 has no such number")
    (here,), (there,) = (tensors(dtype, place, 1) for place in ("boot", "reference"))
    np.testing.assert_array_equal(
        numbers(called(name, [here, number])), numbers(called(name, [there, number]))
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*UNARY, *BINARY, *CURVED])
def test_odd_floats(name: str, dtype: str, device: str) -> None:
    has(device, dtype)
    count = 2 if name in BINARY else 1
    found, expected = (called(name, tensors(dtype, place, count)) for place in (device, "reference"))
    exact = name in (*UNARY, "remainder", "maximum", "minimum")
    assert units(found, expected).max() <= (0 if exact else 2)
    if name in (*UNARY, *CURVED, "pow"):
        zero = numbers(expected) == 0
        np.testing.assert_array_equal(np.signbit(numbers(found)[zero]), np.signbit(numbers(expected)[zero]))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*CURVED, "pow", "remainder", "floor_divide"])
def test_many_floats(name: str, dtype: str, device: str) -> None:
    has(device, dtype)
    rng = np.random.default_rng(5)
    wide = 10.0 ** rng.uniform(-30, 30, 3000)
    x = np.concatenate([rng.uniform(-1, 1, 3000), rng.uniform(-6, 6, 3000), wide, -wide, wide[:500] * 1e-12])
    y = np.concatenate([rng.uniform(-30, 30, 3000), rng.uniform(-9, 9, 3000), rng.uniform(-2, 2, 6500)])
    count = 2 if name not in CURVED else 1
    if name == "pow":
        x = np.abs(x)
    operands = [[rustorch.tensor(v.astype(dtype), device=p) for v in (x, y)] for p in (device, "reference")]
    found, expected = (called(name, list(values[:count])) for values in operands)
    assert units(found, expected).max() <= (0 if name == "remainder" else 2)


@pytest.mark.parametrize("number", [0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_that_are_numbers(dtype: str, number: float) -> None:
    (here,), (there,) = (tensors(dtype, place, 1) for place in ("boot", "reference"))
    assert units(here**number, there**number).max() <= 2


def test_complex_negative() -> None:
    x = np.array([0j, complex(-0.0, 1), complex(math.inf, -2), complex(1, -math.inf)])
    found = -rustorch.tensor(x, device="boot")
    np.testing.assert_array_equal(found.to_numpy(), -x)
    np.testing.assert_array_equal(np.signbit(found.to_numpy().imag), np.signbit((-x).imag))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *FLOATS])
@pytest.mark.parametrize("name", ["amin", "argmin", "argmax", "minimum", "maximum"])
def test_extremes(name: str, dtype: str, device: str) -> None:
    has(device, dtype)
    rng = np.random.default_rng(1)
    values = rng.choice(odd_values(dtype)[: -1 if dtype in FLOATS else None], (5, 6, 7))
    if dtype in FLOATS:
        values[0, 1, 2] = values[3, 3, 3] = math.nan
    here, there = (
        rustorch.tensor(values, dtype=getattr(rustorch, dtype), device=p) for p in (device, "reference")
    )
    for dim in (0, 1, -1):
        other = (dim,) if "arg" in name or name == "amin" else None
        found, expected = (
            called(name, [x, dim]) if other else called(name, [x, x.flip(dim)]) for x in (here, there)
        )
        np.testing.assert_array_equal(numbers(found), numbers(expected))
    if name == "amin":
        np.testing.assert_array_equal(numbers(here.amin((0, 2))), numbers(there.amin((0, 2))))


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *FLOATS, "complex128"])
@pytest.mark.parametrize("shape", [(7, 5), (1, 4), (0, 3), (33, 2)])
def test_products(dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    values = rng.integers(1, 9, shape) if dtype in INTEGERS else rng.uniform(0.5, 1.5, shape).round(3)
    op = registry.ops["prod"]
    here, there = (rustorch.tensor(values).to(getattr(rustorch, dtype)).to(p) for p in ("boot", "reference"))
    for dim in ((0,), (1,), (0, 1)):
        found, expected = op(here, dim=dim), op(there, dim=dim)
        assert found.shape == expected.shape
        assert found.dtype is here.dtype
        if dtype in FLOATS:
            assert (units(found, expected) <= (2 if dtype != "float64" else 20)).all()
        else:
            np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-14)


class Nesting:
    """Notes which ops were called while an op ran."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.calls: dict[str, set[str]] = {}

    def around(self, op, dtype, device, call, out, inputs, attrs):
        if self.running:
            self.calls.setdefault(self.running[-1], set()).add(op.name)
        self.running.append(op.name)
        try:
            call(out, *inputs, **attrs)
        finally:
            self.running.pop()


def test_every_decomposition_ends_in_the_boot_set() -> None:
    nesting = Nesting()
    cases = all_op_cases()
    device = rustorch.device("boot")
    with observing(nesting):
        for found in cases.values():
            for case in found:
                case.run(*case.build(device))
    dispatched = {name for name, op in registry.ops.items() if op.dispatched}
    assert dispatched <= cases.keys(), "an op without sample calls"
    assert nesting.calls.keys() == dispatched - BOOT_OPS

    height: dict[str, int] = dict.fromkeys(BOOT_OPS, 0)  # of the tree of calls below an op
    waiting = set(nesting.calls)
    while ready := {name for name in waiting if nesting.calls[name] <= height.keys()}:
        height |= {name: 1 + max(height[inner] for inner in nesting.calls[name]) for name in ready}
        waiting -= ready
    assert not waiting, "decompositions that lead back to themselves"
    assert max(height.values()) < 10


def test_the_boot_set_is_small() -> None:
    assert len(BOOT_OPS) == 26
    assert {"tanh", "erf", "pow", "neg", "prod", "amin", "argmax", "remainder"}.isdisjoint(BOOT_OPS)
