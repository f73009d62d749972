"""Decomposed functions near their zeros, at the ends of the range, and for numbers that are none."""

import numpy as np
import pytest

import rustorch

ENDS = [0.0, -0.0, 1e-3, -1e-3, 0.5, 1.0, -1.0, np.pi / 2, 3.0, -17.3, 88.9, -89.2, 300.0]
NONE = [np.inf, -np.inf, np.nan]


def on_reference(name, *values, dtype="float32"):
    """The decomposition's result (the reference backend has no kernel), and the operands as it got them."""
    tensors = [rustorch.tensor(v, dtype=dtype, device="reference") for v in values]
    assert rustorch.provenance("reference", op=name)[name]["float32"] == "decomposition"
    found = getattr(rustorch, name)(*tensors).double().numpy(force=True)
    return found, [t.double().numpy(force=True) for t in tensors]


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 2.0**-23), ("float64", 2.0**-52)])
@pytest.mark.parametrize(
    ("name", "right"), [("sinh", np.sinh), ("cos", np.cos), ("acos", np.arccos), ("exp2", np.exp2)]
)
def test_of_one_operand(name, right, dtype, digits):
    values = np.array([x for x in ENDS if name != "acos" or abs(x) <= 1] + NONE)
    found, (x,) = on_reference(name, values, dtype=dtype)
    with np.errstate(all="ignore"):
        expected = right(x)
        expected = np.where(np.abs(expected) > np.finfo(dtype).max, np.sign(expected) * np.inf, expected)
    # where cos is nearly 0 far from 0, its error is that of numbers about 1
    np.testing.assert_allclose(found, expected, rtol=6 * digits, atol=digits if name == "cos" else 0.0)


@pytest.mark.parametrize(("name", "right"), [("atan2", np.arctan2), ("hypot", np.hypot)])
def test_of_two_operands(name, right):
    a, b = (grid.reshape(-1) for grid in np.meshgrid(ENDS + NONE, ENDS + NONE))
    found, (x, y) = on_reference(name, a, b)
    expected = right(x, y)
    np.testing.assert_allclose(found, expected, rtol=6 * 2.0**-23)
    np.testing.assert_array_equal(np.signbit(found[expected == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["softplus", "mish", "asin", "tan"])
def test_half_dtypes_are_rounded_once(name, dtype):
    values = np.linspace(-0.9, 0.9, 101) if name in ("asin", "tan") else np.linspace(-8, 18, 101)
    found, (x,) = on_reference(name, values, dtype=dtype)
    wide = getattr(rustorch, name)(rustorch.tensor(x, device="reference"))
    nearest = wide.to(dtype).double().numpy(force=True)
    off = found != nearest
    assert off.mean() < 0.02  # rounding float32 first moves a number across the middle of two now and then
    np.testing.assert_allclose(found, nearest, rtol={"float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype])


def test_sums_over_windows_are_rounded_once():
    """Every pixel is met by 25 taps; their products round to the half dtype, their sum does not each time."""
    ones = rustorch.ones(1, 1, 12, 12, dtype="bfloat16", device="reference")
    weight = rustorch.full((1, 1, 5, 5), 1 + 2.0**-7, dtype="bfloat16", device="reference")
    found = rustorch.nn.functional.conv_transpose2d(ones, weight)
    assert found[0, 0, 6, 6].item() == 25.25  # 25.195, to the nearest; 25.125 if each sum were rounded


def test_second_derivatives_of_a_product_in_half_precision():
    """Those by one element are zero: the derivative does not depend on it."""
    x = rustorch.tensor([1.7, 2.3, 0.3, 3.1], dtype="float16", device="reference", requires_grad=True)
    (g,) = rustorch.autograd.grad(x.prod(), x, create_graph=True)
    for i in range(4):
        (second,) = rustorch.autograd.grad(g[i], x, retain_graph=True)
        assert abs(second[i].item()) < 1e-5
