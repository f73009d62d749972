"""Custom functions."""

from __future__ import annotations

import pytest

import rustorch
from rustorch import AutogradError
from rustorch.autograd import Function


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        assert ctx.saved_tensors[0].shape == g.shape
        return g * ctx.factor, None


class Two(Function):
    @staticmethod
    def forward(ctx, x):
        count = rustorch.tensor([1, 2])
        ctx.mark_non_differentiable(count)
        return x * 2, x * 3, count

    @staticmethod
    def backward(ctx, first, second, _count):
        return first * 2 + second * 3


def test_forward_and_backward() -> None:
    x = rustorch.tensor([1.0, 2.0], requires_grad=True)
    y = Scale.apply(x, 3.0)
    assert y.grad_fn.name() == "ScaleBackward"
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_forward_without_context() -> None:
    class Power(Function):
        @staticmethod
        def forward(x, n):
            return x**n

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.n = inputs
            assert output.shape == x.shape
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1), None

    x = rustorch.tensor([1.0, 2.0], requires_grad=True)
    Power.apply(x, 3).sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_several_results_and_missing_gradients_are_zeros() -> None:
    x = rustorch.tensor([1.0, 2.0], requires_grad=True)
    first, _second, count = Two.apply(x)
    assert not count.requires_grad
    first.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_double_backward() -> None:
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = rustorch.tensor([1.5, -2.0], dtype="float64", requires_grad=True)
    assert rustorch.autograd.gradcheck(Cube.apply, x)
    assert rustorch.autograd.gradgradcheck(Cube.apply, x)


def test_not_recorded_without_need() -> None:
    assert not Scale.apply(rustorch.ones(2), 2.0).requires_grad
    with rustorch.no_grad():
        assert not Scale.apply(rustorch.ones(2, requires_grad=True), 2.0).requires_grad


def test_wrong_number_of_gradients() -> None:
    class Short(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g

    a = rustorch.ones(2, requires_grad=True)
    with pytest.raises(
        AutogradError, match=r"Short.backward: one gradient per argument of forward is required \(2\), got 1"
    ):
        Short.apply(a, a).sum().backward()


def test_saved_tensor_changed_in_place() -> None:
    x = rustorch.ones(2, requires_grad=True)
    y = x * 1
    z = Scale.apply(y, 2.0)
    y.add_(1)
    with pytest.raises(AutogradError, match="was changed by an in-place operation"):
        z.sum().backward()


def test_missing_methods() -> None:
    with pytest.raises(AutogradError, match="must define forward"):
        Function.apply(rustorch.ones(1, requires_grad=True))
