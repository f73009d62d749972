"""Random numbers: known answers, and the same bits as the reference for every seed, place and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rustorch
from rustorch import dtypes
from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.ops.creation import from_host
from rustorch.ops.philox import random_bits, random_normal, random_uniform
from rustorch.shape import Shape
from rustorch.testing.conformance.recorder import Recorder
from rustorch.testing.conformance.selection import Selection

#: (seed, block) -> its four words.  The first is in the list of known answers of Random123.
KNOWN = {
    (0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    (1, 0): (0xE3E80670, 0xE50A0EBC, 0x95F222C0, 0xB615AA27),
    (0, 1): (0xF8E4CCA4, 0x5CB200DB, 0xB1A574EB, 0x097EFF67),
    (2**64 - 1, 2**32): (0x85AF3999, 0xF0EA2A5E, 0x1C58F27C, 0x402BD930),
}

#: Seeds and places: bits in every word, the carry from the lower half of the counter, the end of the stream;
#: the last one's fourth word is so large that it rounds to 1 unless its lower bits are dropped first.
_STATES = [(0, 0), (12345, 7), (2**63 + 5, 2**32 - 1), (2**64 - 1, 2**64 - 3), (3, 2**40), (0, 11031643)]
_SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 17, 255, 1001]
_LARGE = 2**16 + 5

_FLOATS = [dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16]


def _drawn(op: Any, state: tuple[int, int], shape: tuple[int, ...], dtype: DType, device: Device) -> Any:
    words = np.array(state, np.uint64).view(np.int64)
    return np.array(op(from_host(words, device), shape=Shape(shape), dtype=dtype).numpy(force=True))


@pytest.mark.conformance(op="random_bits", dtype="int32")
@pytest.mark.parametrize("state", KNOWN)
def test_known_answers(state: tuple[int, int], device: Device) -> None:
    """Philox4x32-10 gives the published words."""
    found = tuple(int(w) for w in _drawn(random_bits, state, (4,), dtypes.int32, device).view(np.uint32))
    if found != KNOWN[state]:
        expected = " ".join(f"{w:08x}" for w in KNOWN[state])
        pytest.fail(f"expected {expected}, got {' '.join(f'{w:08x}' for w in found)}")


def _cases(quick: bool) -> list[tuple[tuple[int, int], tuple[int, ...]]]:
    sizes = [*_SIZES, _LARGE] if quick else [*_SIZES, _LARGE, 10**6 + 1]
    cases: list[Any] = [
        (state, (size,)) for state in _STATES for size in sizes if size < 1000 or state[1] < 2**33
    ]
    return [*cases, ((0, 0), ()), ((0, 5), (3, 5, 7)), ((0, 5), (4, 0, 2))]


@pytest.mark.conformance(op="random_bits", dtype="int32")
def test_bits(device: Device, reference: Device, quick: bool, grade: Recorder) -> None:
    """Every size and place of the stream has the bits of the reference."""
    for state, shape in _cases(quick):
        with grade.case("random_bits", "int32", f"state {state} shape {shape}"):
            _compare(random_bits, state, shape, dtypes.int32, device, reference, grade)


@pytest.mark.conformance(op="random_uniform")
def test_uniform(
    device: Device, reference: Device, quick: bool, grade: Recorder, selection: Selection
) -> None:
    """Uniform numbers have the bits of the reference in every dtype; none is 1."""
    for dtype in _held(device, selection):
        for state, shape in _cases(quick):
            with grade.case("random_uniform", dtype.name, f"state {state} shape {shape}"):
                found = _compare(random_uniform, state, shape, dtype, device, reference, grade)
                if not ((found >= 0) & (found < 1)).all():
                    grade.wrong("a number is not in [0, 1)")


@pytest.mark.conformance(op="random_normal")
def test_normal(
    device: Device, reference: Device, quick: bool, grade: Recorder, selection: Selection
) -> None:
    """Normal numbers have the bits of the reference; with other roundings they are no A.

    They are quotients of two polynomials of degree 7, which roundings move by a few units.
    """
    for dtype in _held(device, selection)[:2]:
        for state, shape in _cases(quick):
            with grade.case("random_normal", dtype.name, f"state {state} shape {shape}"):
                _compare(random_normal, state, shape, dtype, device, reference, grade, ulps=8)


def _held(device: Device, selection: Selection) -> list[DType]:
    return [d for d in _FLOATS if d.name in device.info.dtypes and selection.has("", d.name)]


def _compare(
    op: Any,
    state: tuple[int, int],
    shape: tuple[int, ...],
    dtype: DType,
    device: Device,
    reference: Device,
    grade: Recorder,
    ulps: int = 0,
) -> Any:
    found, expected = (_drawn(op, state, shape, dtype, d) for d in (device, reference))
    if found.tobytes() != expected.tobytes():
        wide, right = found.astype(np.float64), expected.astype(np.float64)
        place = int(np.argmax((wide != right).reshape(-1)))
        message = f"element {place} is {found.reshape(-1)[place]}, expected {expected.reshape(-1)[place]}: other bits"
        away = (
            np.abs(wide - right) / np.spacing(np.abs(right).astype(dtype.numpy)).astype(np.float64)
            if ulps
            else wide
        )
        if ulps and away.max() <= ulps:
            grade.measured(2.0, float(away.max()), message)
        else:
            grade.wrong(message)
    return found


@pytest.mark.conformance(op="dropout", dtype="float32")
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout(p: float, device: Device, reference: Device) -> None:
    """The same elements are dropped as on the reference, draw after draw."""
    masks = []
    for where in (device, reference):
        generator = rustorch.Generator().manual_seed(11)
        x = rustorch.ones(7, 13, device=where)
        masks.append([rustorch.dropout(x, p, generator=generator).tolist() for _ in range(3)])
        if generator.get_state() != {"seed": 11, "offset": 3 * 23}:
            pytest.fail(f"dropout of 91 elements takes 23 blocks, got {generator.get_state()} after three")
    kept = [[[v != 0 for v in row] for draw in mask for row in draw] for mask in masks]
    if kept[0] != kept[1]:
        pytest.fail("other elements are dropped than on the reference")


@pytest.mark.conformance(op="randint", dtype="int64")
def test_other_draws(device: Device, reference: Device) -> None:
    """Integers, permutations and Bernoulli draws are the reference's."""
    found = []
    for where in (device, reference):
        rustorch.manual_seed(5)
        with where:
            found.append(
                [
                    rustorch.randint(-3, 1000, (19,)).tolist(),
                    rustorch.randperm(31).tolist(),
                    rustorch.bernoulli(rustorch.full((17,), 0.3)).tolist(),
                    rustorch.rand(5).tolist(),
                ]
            )
    if found[0] != found[1]:
        pytest.fail(f"expected {found[1]}, got {found[0]}")
