"""Small things that programs written for PyTorch do everywhere."""

from __future__ import annotations

import math

import pytest

import rustorch
from rustorch import autograd, nn
from rustorch.errors import ArgumentTypeError, DTypeError


def test_alpha_in_place_keeps_an_average_of_weights() -> None:
    average, weight = rustorch.ones(3), rustorch.full((3,), 3.0)
    average.mul_(0.5).add_(weight, alpha=0.5)
    assert average.tolist() == [2.0, 2.0, 2.0]
    assert average.sub_(weight, alpha=2).tolist() == [-4.0, -4.0, -4.0]
    assert average.add_(1, alpha=4).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ArgumentTypeError, match="mul_: unexpected argument 'alpha'"):
        average.mul_(weight, alpha=2)


def test_alpha_in_place_is_differentiated() -> None:
    x, y = rustorch.ones(2, requires_grad=True), rustorch.ones(2, requires_grad=True)
    (x * 1).add_(y, alpha=-3.0).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert y.grad.tolist() == [-3.0, -3.0]


def test_a_number_in_a_text_reads_as_a_number() -> None:
    loss = (rustorch.ones(2, requires_grad=True) * 1.25).sum()
    assert f"loss {loss}, {rustorch.tensor(3)}, {loss:.3f}" == "loss 2.5, 3, 2.500"
    assert f"{rustorch.ones(2)}" == "tensor([1., 1.])"
    assert f"{nn.Parameter(rustorch.tensor(1.0))}".startswith("Parameter containing:")


def test_constants_and_facts() -> None:
    assert (rustorch.inf, rustorch.pi, rustorch.e) == (math.inf, math.pi, math.e)
    assert math.isnan(rustorch.nan)
    x = rustorch.ones(2)
    assert x[:, rustorch.newaxis].shape == (2, 1)
    assert rustorch.is_tensor(x)
    assert not rustorch.is_tensor([1.0])
    assert not rustorch.ones(1, device="cpu").is_cuda


@pytest.mark.parametrize(
    ("dtype", "bits", "largest", "eps"),
    [
        (rustorch.float16, 16, 65504.0, 2.0**-10),
        (rustorch.bfloat16, 16, 3.3895313892515355e38, 2.0**-7),
        (rustorch.float32, 32, 3.4028234663852886e38, 2.0**-23),
        (rustorch.float64, 64, 1.7976931348623157e308, 2.0**-52),
    ],
)
def test_finfo(dtype: rustorch.dtype, bits: int, largest: float, eps: float) -> None:
    info = rustorch.finfo(dtype)
    assert (info.bits, info.max, info.min, info.eps) == (bits, largest, -largest, eps)
    assert dtype.name in repr(info)


def test_iinfo() -> None:
    info = rustorch.iinfo(rustorch.int16)
    assert (info.bits, info.min, info.max) == (16, -32768, 32767)
    with pytest.raises(DTypeError, match="iinfo: an integer dtype is required, got rustorch.float32"):
        rustorch.iinfo(rustorch.float32)
    with pytest.raises(DTypeError, match="finfo: a floating-point dtype is required, got rustorch.int8"):
        rustorch.finfo(rustorch.int8)


def test_a_tensor_of_several_sizes() -> None:
    weight = nn.Parameter(rustorch.Tensor(2, 3))
    assert weight.shape == (2, 3)
    assert weight.dtype is rustorch.float32
    assert rustorch.Tensor([2, 3]).tolist() == [2.0, 3.0]


def test_anomaly_mode_as_a_call_and_as_a_block() -> None:
    settings = autograd.modes.settings
    with autograd.set_detect_anomaly(True):
        assert settings.anomaly
        with autograd.set_detect_anomaly(False):
            assert not settings.anomaly
        assert settings.anomaly
    assert not settings.anomaly
    autograd.set_detect_anomaly(True)
    assert settings.anomaly
    autograd.set_detect_anomaly(False)


def test_short_names_in_place() -> None:
    x = rustorch.arange(4.0)
    assert x.clamp_min_(1).clamp_max_(2).tolist() == [1.0, 1.0, 2.0, 2.0]
    assert x.index_fill_(0, rustorch.tensor([0, 0]), 7).tolist() == [7.0, 1.0, 2.0, 2.0]
