"""What the ops on int8 refuse; their values are compared by the samples and by the backends' tests."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch
from rustorch.errors import ArgumentTypeError, AutogradError, DTypeError, ShapeError


def int8(*shape: int) -> rustorch.Tensor:
    return rustorch.zeros(*shape, dtype=rustorch.int8)


def test_pytorchs_name() -> None:
    assert rustorch._int_mm is rustorch.int_mm


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        ((int8(2, 3), rustorch.ones(3, 2)), DTypeError, "int8 matrices are required, got int8 and float32"),
        ((int8(2, 3), int8(2, 3)), ShapeError, r"got \(2, 3\) and \(2, 3\)"),
        ((int8(3), int8(3, 2)), ShapeError, r"got \(3,\) and \(3, 2\)"),
        ((int8(2, 3), 4), ArgumentTypeError, "mat2 must be a tensor, got int"),
    ],
)
def test_int_mm_says_what_it_requires(args: tuple, error: type, text: str) -> None:
    with pytest.raises(error, match=f"int_mm: .*{text}"):
        rustorch.int_mm(*args)


X, SCALE = rustorch.ones(2, 3), rustorch.ones(4)


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        ((X, rustorch.ones(4, 3), SCALE), DTypeError, "an int8 weight are required, got float32 and float32"),
        ((int8(2, 3), int8(4, 3), SCALE), DTypeError, "got int8 and int8"),
        ((X, int8(3), SCALE), ShapeError, r"must have 2 dims \(out, in\), got \(3,\)"),
        ((X, int8(4, 5), SCALE), ShapeError, r"last size must be 5, got input \(2, 3\)"),
        ((X, int8(4, 3), rustorch.ones(3)), ShapeError, r"the scale must have shape \(4,\), got \(3,\)"),
        (
            (X, int8(4, 3), SCALE, rustorch.ones(1)),
            ShapeError,
            r"the bias must have shape \(4,\), got \(1,\)",
        ),
        ((X.double(), int8(4, 3), SCALE), DTypeError, "must have one dtype, got float64 and float32"),
        ((X, int8(4, 3), SCALE, SCALE.half()), DTypeError, "must have one dtype, got float32 and float16"),
        ((rustorch.ones(1, 133145), int8(1, 133145), SCALE[:1]), ShapeError, "at most 133144 inputs"),
        ((X, int8(4, 3), SCALE, 1.0), ArgumentTypeError, "bias must be a tensor, got float"),
    ],
)
def test_quantized_linear_says_what_it_requires(args: tuple, error: type, text: str) -> None:
    with pytest.raises(error, match=f"quantized_linear: .*{text}"):
        rustorch.quantized_linear(*args)


def test_the_largest_sum_fits() -> None:
    x, weight = rustorch.ones(1, 133144), rustorch.full((1, 133144), 127, dtype=rustorch.int8)
    result = rustorch.quantized_linear(x, weight, rustorch.ones(1))
    np.testing.assert_allclose(result.to_numpy(), 133144 * 127, rtol=1e-6)


def test_a_gradient_is_refused() -> None:
    with pytest.raises(
        AutogradError, match="quantized_linear: cannot be differentiated: its rounding to int8"
    ):
        rustorch.quantized_linear(X.clone().requires_grad_(), int8(4, 3), SCALE)
    with rustorch.no_grad():
        rustorch.quantized_linear(X.clone().requires_grad_(), int8(4, 3), SCALE)
