"""The engine: accumulation, deep graphs, freed graphs, hooks, memory."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import rustorch
from rustorch import AutogradError


def leaf(*values: float) -> rustorch.Tensor:
    return rustorch.tensor(values, dtype="float64", requires_grad=True)


def test_gradients_accumulate_over_calls_and_paths() -> None:
    x = leaf(2.0, 3.0)
    (x * x + x).sum().backward()
    (3 * x).sum().backward()
    assert x.grad.tolist() == [2 * 2 + 1 + 3, 2 * 3 + 1 + 3]


def test_gradients_of_two_leaves_never_share_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).sum().backward()
    a.grad.mul_(10)
    assert b.grad.tolist() == [1.0, 1.0]
    seed = rustorch.ones(2, dtype="float64")
    c = leaf(1.0, 2.0)
    (c + 0).backward(seed)
    seed.fill_(7)
    assert c.grad.tolist() == [1.0, 1.0]


def test_chain_of_100_000_ops() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.tolist() == [1.0]
    del y  # taking the graph apart must not recurse either


def test_graph_is_freed_and_says_so() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(
        AutogradError, match="freed when it was differentiated the first time.*\n.*retain_graph=True"
    ):
        y.backward()
    z = (x * x).sum()
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_memory_is_freed_as_backward_goes() -> None:
    x = leaf(*np.ones(10))
    middle = x.exp()
    saved = weakref.ref(middle.node.out.storage)
    y = middle.sum()
    del middle
    y.backward()
    gc.collect()
    assert saved() is None


def test_dropping_a_graph_leaves_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = (x.tanh() * x.exp()).sum()
        alive = weakref.ref(y.node)
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_backward_needs_a_scalar_or_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(AutogradError, match=r"a gradient is required for a tensor of shape \(2,\)"):
        (x * 2).backward()
    with pytest.raises(rustorch.ShapeError, match=r"must have shape \(2,\), got \(3,\)"):
        (x * 2).backward(rustorch.ones(3, dtype="float64"))
    with pytest.raises(AutogradError, match="does not require grad"):
        x.detach().sum().backward()


def test_grad_returns_and_leaves_alone() -> None:
    x, unused = leaf(3.0), leaf(1.0)
    y = x**3
    (first,) = rustorch.autograd.grad(y, x, create_graph=True)
    (second,) = rustorch.autograd.grad(first, x, create_graph=True)
    (third,) = rustorch.autograd.grad(second, x)
    assert [first.item(), second.item(), third.item()] == [27.0, 18.0, 6.0]
    assert x.grad is None
    with pytest.raises(AutogradError, match="input 1 was not used"):
        rustorch.autograd.grad(x * 2, [x, unused])
    assert rustorch.autograd.grad(x * 2, [x, unused], allow_unused=True)[1] is None


def test_grad_with_respect_to_something_in_the_middle() -> None:
    x = leaf(2.0)
    middle = x * 3
    (g,) = rustorch.autograd.grad(middle**2, middle)
    assert g.item() == 12.0


def test_backward_inputs_restricts_accumulation() -> None:
    a, b = leaf(2.0), leaf(5.0)
    (a * b).backward(inputs=[a])
    assert a.grad.item() == 5.0
    assert b.grad is None


def test_hooks_on_leaves_and_results() -> None:
    x = leaf(1.0, 2.0)
    seen: list[list[float]] = []
    y = x * 3
    handle = y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert seen == [[6.0, 6.0]]
    handle.remove()
    handle.remove()
    done: list[bool] = []
    x.register_post_accumulate_grad_hook(lambda t: done.append(t is x))
    (x * 1).sum().backward()
    assert done == [True]


def test_a_hook_of_the_wrong_shape_is_refused() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(AutogradError, match=r"hook: a gradient of shape \(2,\) or None"):
        (x * 2).sum().backward()


def test_retain_grad() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 8.0]


def test_modes() -> None:
    x = leaf(1.0)
    with rustorch.no_grad():
        assert not (x * 2).requires_grad
        with rustorch.enable_grad():
            assert (x * 2).requires_grad
    with rustorch.inference_mode():
        assert not (x * 2).requires_grad
        assert rustorch.is_inference_mode_enabled()
    rustorch.set_grad_enabled(False)
    assert not rustorch.is_grad_enabled()
    rustorch.set_grad_enabled(True)
    with rustorch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @rustorch.no_grad()
    def steps() -> object:
        yield rustorch.is_grad_enabled()
        yield rustorch.is_grad_enabled()

    assert list(steps()) == [False, False]
    assert rustorch.is_grad_enabled()


def test_mode_is_restored_after_an_error_in_backward() -> None:
    x = leaf(1.0)
    y = x * 2
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert rustorch.is_grad_enabled()


def test_anomaly_mode_names_the_forward_line() -> None:
    x = leaf(0.0)
    with rustorch.autograd.detect_anomaly():
        y = x.sqrt() * 0  # the line that is to be named
        with pytest.raises(AutogradError, match=r"(?s)NaN.*the line that is to be named"):
            y.backward()


def test_detach_shares_memory_and_stops_gradients() -> None:
    x = leaf(1.0, 2.0)
    d = x.detach()
    assert not d.requires_grad
    assert d.data_ptr() == x.data_ptr()
    (x * d).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


def test_only_floating_point_can_require_grad() -> None:
    with pytest.raises(
        AutogradError, match="only floating-point and complex tensors can require grad, got int64"
    ):
        rustorch.tensor([1, 2], requires_grad=True)


def test_gradcheck_finds_a_wrong_derivative() -> None:
    class Wrong(rustorch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x  # lacks the factor 2

    with pytest.raises(AutogradError, match="output 0 with respect to input 0 differs"):
        rustorch.autograd.gradcheck(Wrong.apply, leaf(1.0, 2.0))
    assert not rustorch.autograd.gradcheck(Wrong.apply, leaf(1.0, 2.0), raise_exception=False)
