"""assert_close says what differs; make_tensor makes what was asked for."""

import math

import numpy as np
import pytest

import rustorch
from rustorch.testing import assert_close, make_tensor

EQUAL = [
    (1, 1),
    (1.0, 1.0 + 1e-7),
    ([1.0, (2.0,)], [1.0, [2.0]]),
    ({"a": None}, {"a": None}),
    (math.inf, math.inf),
    (rustorch.ones(2), np.ones(2)),
    (rustorch.ones(0, 3), rustorch.ones(0, 3)),
]
DIFFERENT = [
    (rustorch.ones(2), rustorch.ones(3), r"The shapes differ: \(2,\) != \(3,\)"),
    (rustorch.ones(2), rustorch.ones(2).double(), "The dtypes differ: float32 != float64"),
    (
        rustorch.ones(2, device="cpu"),
        rustorch.ones(2, device="reference"),
        r"The devices differ: .* != reference:0",
    ),
    ([1, 2], [1], "The lengths differ: 2 != 1"),
    ({"a": 1}, {"b": 1}, r"The keys differ: \['a'\] and \['b'\]"),
    ({"a": [1, 2]}, {"a": [1, 3]}, r"At \['a'\]\[1\]: Scalars are not close: expected 3, got 2"),
    (math.nan, math.nan, "Scalars are not close"),
    (math.inf, -math.inf, "Scalars are not close"),
    (None, 1, "None and 1 differ"),
    (True, False, "Scalars are not close"),
    (2**62, 2**62 + 1, "Scalars are not close"),
    (
        rustorch.tensor([1.0, 2.0, 4.0]),
        rustorch.tensor([1.0, 2.5, 0.0]),
        r"Mismatched elements: 2 / 3 \(66.7 %\)\nGreatest absolute difference: 4 at index \(2,\)",
    ),
]


@pytest.mark.parametrize(("actual", "expected"), EQUAL)
def test_close(actual, expected):
    assert_close(actual, expected)


@pytest.mark.parametrize(("actual", "expected", "text"), DIFFERENT)
def test_not_close(actual, expected, text):
    with pytest.raises(AssertionError, match=text):
        assert_close(actual, expected)


def test_options():
    assert_close(1.0, 1.1, rtol=0, atol=0.2)
    assert_close(math.nan, math.nan, equal_nan=True)
    assert_close(rustorch.ones(2), rustorch.ones(2).double(), check_dtype=False)
    assert_close(rustorch.ones(2), rustorch.ones(2, device="reference"), check_device=False)
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(rustorch.ArgumentError, match="together or not at all"):
        assert_close(1, 1, rtol=0.1)
    with pytest.raises(rustorch.ArgumentTypeError, match="got str"):
        assert_close("a", "a")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "complex128"])
def test_made_tensors(dtype):
    x = make_tensor(4, 6, dtype=dtype, noncontiguous=True)
    assert tuple(x.shape) == (4, 6)
    assert x.dtype.name == dtype
    assert not x.is_contiguous()
    rustorch.manual_seed(1)
    first = make_tensor((5,), dtype=dtype)
    rustorch.manual_seed(1)
    assert_close(make_tensor((5,), dtype=dtype), first)


def test_limits_of_made_tensors():
    x = make_tensor(1000, dtype="float32", low=2, high=3)
    assert 2 <= x.min().item() <= x.max().item() < 3
    assert (make_tensor(1000, dtype="int8", low=-1, high=2, exclude_zero=True) != 0).all()
    assert make_tensor(2, dtype="float64", requires_grad=True).requires_grad
    with pytest.raises(rustorch.ArgumentError, match="low < high"):
        make_tensor(2, dtype="float32", low=3, high=3)
