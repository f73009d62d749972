"""Operands come in every layout; kernels that want contiguous ones get copies of the core."""

import pytest

import rustorch

rustorch_loopback = pytest.importorskip("rustorch_loopback", reason="rustorch-loopback is not installed")
pytestmark = pytest.mark.usefixtures("loopback")


def strides_seen(layout, x, times=30):
    """Return the strides of the operand and of the result of `neg` in `times` calls."""
    from rustorch_reference.kernels import KERNELS

    neg = next(kernel.fn for kernel in KERNELS if kernel.op == "neg")
    seen = []

    def watch(out, operand):
        seen.extend([(v.strides, v.offset, v.shape) for v in (out, operand)])
        neg(out, operand)

    with rustorch.override(
        "neg", rustorch_loopback.submitted(watch), device="loopback", layout=layout, check=False
    ):
        for _ in range(times):
            assert rustorch.equal(x.neg(), 0 - x)
    return seen


def test_kernels_for_any_strides_meet_all_kinds_of_them():
    seen = strides_seen("strided", rustorch.arange(24.0).reshape(2, 3, 4))
    assert len({strides for strides, _, _ in seen}) > 20
    assert any(min(strides) < 0 for strides, _, _ in seen)
    assert any(min(map(abs, strides)) > 1 for strides, _, _ in seen)
    assert any(abs(strides[0]) < abs(strides[2]) for strides, _, _ in seen)
    assert any(offset for _, offset, _ in seen)


def test_kernels_for_contiguous_operands_get_them():
    seen = strides_seen("contiguous", rustorch.arange(24.0).reshape(2, 3, 4))
    assert {strides for strides, _, _ in seen} == {(12, 4, 1)}


def test_it_can_be_switched_off():
    with rustorch_loopback.configured(relaid=0.0):
        seen = strides_seen("strided", rustorch.arange(24.0).reshape(2, 3, 4))
    assert {(strides, offset) for strides, offset, _ in seen} == {((12, 4, 1), 0)}


def test_half_of_the_kernels_want_contiguous_operands():
    from rustorch_loopback.kernels import KERNELS

    contiguous = sum(kernel.layout == "contiguous" for kernel in KERNELS)
    assert abs(contiguous - len(KERNELS) / 2) <= 1


def test_in_place_and_expanded_operands_stay_what_they_are():
    x = rustorch.arange(6.0).reshape(2, 3)
    x.t().mul_(rustorch.tensor([[2.0], [3.0], [4.0]]))
    assert x.tolist() == [[0.0, 3.0, 8.0], [6.0, 12.0, 20.0]]
    assert (x + rustorch.ones(1).expand(2, 3)).tolist() == [[1.0, 4.0, 9.0], [7.0, 13.0, 21.0]]
    assert rustorch.zeros(0, 3).neg().shape == (0, 3)


def test_other_devices_are_left_alone():
    seen = []
    with rustorch.override(
        "neg",
        lambda out, x: (seen.append(x.strides), out.copy_(x * -1)),
        device="cpu",
        layout="strided",
        check=False,
    ):
        rustorch.ones(2, 3, device="cpu").neg()
    assert seen == [(3, 1)]
