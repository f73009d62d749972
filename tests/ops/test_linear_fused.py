"""What linear_fused and pack_linear_weight refuse, and what they do where gradients are wanted."""

import numpy as np
import pytest

import rustorch

ones = rustorch.ones


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: rustorch.linear_fused(ones(2, 3), ones(5, 4)), ValueError, r"\(5, 3\), or be packed.*got \(5, 4\)"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(1, 3, 8)), ValueError, "out_features is required, since"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(1, 3, 8), out_features=9), ValueError, r"\(9, 3\), or be"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(5, 3), out_features=4), ValueError, r"got \(5, 3\)"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(3)), ValueError, r"the weight has shape \(3,\)"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(3), out_features=3), ValueError, r"got \(3,\)"),
        (lambda: rustorch.linear_fused(ones(()), ones(5, 3)), ValueError, "at least one dim, got a 0-d tensor"),
        (lambda: rustorch.linear_fused(ones(2, 3), ones(5, 3), ones(4)), ValueError, r"shape \(5,\), got \(4,\)"),
        (
            lambda: rustorch.linear_fused(ones(2, 3), ones(5, 3), None, ones(5)),
            ValueError,
            r"residual must have the result's shape \(2, 5\), got \(5,\)",
        ),
        (
            lambda: rustorch.linear_fused(ones(2, 3), ones(5, 3), activation="swish"),
            ValueError,
            "activation must be one of none, relu, gelu, gelu_tanh, silu, tanh, sigmoid, got 'swish'",
        ),
        (
            lambda: rustorch.linear_fused(ones(2, 3), ones(5, 3).double()),
            TypeError,
            "one dtype, got input float32 and weight float64",
        ),
        (
            lambda: rustorch.linear_fused(*(ones(3, 3, dtype=rustorch.int64),) * 2),
            TypeError,
            "floating-point operands are required, got int64",
        ),
        (lambda: rustorch.linear_fused(3, ones(5, 3)), TypeError, "linear_fused"),
        (lambda: rustorch.pack_linear_weight(ones(3)), ValueError, r"\(out, in\) is required, got shape \(3,\)"),
        (lambda: rustorch.pack_linear_weight(ones(3, 3), 0), ValueError, "the width must be positive, got 0"),
        (lambda: rustorch.pack_linear_weight([1.0]), TypeError, "pack_linear_weight"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_packing_is_what_its_text_says():
    weight = rustorch.arange(33 * 3).reshape(33, 3).float()
    packed = rustorch.pack_linear_weight(weight, 8)
    assert tuple(packed.shape) == (5, 3, 8)
    found = packed.to_numpy().transpose(0, 2, 1).reshape(40, 3)
    np.testing.assert_array_equal(found[:33], weight.to_numpy())
    assert not found[33:].any()
    weight.zero_()
    assert packed.to_numpy().any()


def test_changes_after_packing_are_not_followed_and_packing_is_differentiable():
    x = rustorch.randn(4, 3, dtype=rustorch.float64)
    weight = rustorch.randn(10, 3, dtype=rustorch.float64, requires_grad=True)
    bias = rustorch.randn(10, dtype=rustorch.float64, requires_grad=True)
    residual = rustorch.randn(4, 10, dtype=rustorch.float64, requires_grad=True)

    def packed(weight, bias, residual):
        panels = rustorch.pack_linear_weight(weight, 8)
        return rustorch.linear_fused(x, panels, bias, residual, "silu", out_features=10)

    assert rustorch.autograd.gradcheck(packed, (weight, bias, residual))


def test_the_op_itself_says_why_it_has_no_gradient():
    op = rustorch.ops.linear_fused.linear_fused_op
    x = rustorch.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="linear_fused.*composes it where one is wanted"):
        op(x, ones(5, 3), None, None, activation="none", out_features=5).sum().backward()
