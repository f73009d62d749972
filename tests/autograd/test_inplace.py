"""Changes in place: versions, leaves, views, aliasing; expectations as PyTorch behaves."""

from __future__ import annotations

import pytest

import rustorch
from rustorch import AutogradError


def leaf(*values: float) -> rustorch.Tensor:
    return rustorch.tensor(values, dtype="float64", requires_grad=True)


def test_a_saved_tensor_changed_in_place_is_an_error() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(AutogradError, match=r"input 0 of MulBackward.*changed by an in-place operation"):
        z.sum().backward()


def test_a_saved_result_changed_in_place_is_an_error() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    z = y.sum()
    y.mul_(2)
    with pytest.raises(AutogradError, match="result 0 of ExpBackward"):
        (z + y.sum()).backward()


def test_ops_that_save_nothing_allow_it() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y + 1
    y.zero_()
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_leaves_are_protected() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(AutogradError, match="a leaf tensor that requires grad cannot be changed in place"):
        x.add_(1)
    with pytest.raises(AutogradError, match="view of a leaf"):
        x[0] = 5.0
    with rustorch.no_grad():
        x.add_(1)
    assert x.tolist() == [2.0, 3.0]


def test_in_place_result_has_the_history_of_the_result() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y.mul_(3).add_(x)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_writing_through_a_view_reaches_the_base() -> None:
    x, w = leaf(1.0, 2.0, 3.0), leaf(10.0)
    base = x * 1
    view = base[1:]
    other = base[:2]  # made before the change, looks at changed memory
    view[0].mul_(w[0])
    base.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [1.0, 10.0, 1.0]
    assert w.grad.tolist() == [2.0]
    x.grad = w.grad = None
    other.sum().backward()
    assert x.grad.tolist() == [1.0, 10.0, 0.0]
    assert w.grad.tolist() == [2.0]


def test_a_buffer_filled_row_by_row() -> None:
    x = leaf(1.0, 2.0)
    buffer = rustorch.zeros((3, 2), dtype="float64")
    early = buffer[2]
    for i in range(3):
        buffer[i] = x * (i + 1)
    assert early.requires_grad
    (buffer.sum() + early.sum()).backward()
    assert x.grad.tolist() == [9.0, 9.0]


def test_second_derivative_through_a_change_in_place() -> None:
    def function(x: rustorch.Tensor, w: rustorch.Tensor) -> rustorch.Tensor:
        base = x * x
        base[1:].mul_(w)
        base[0] = w[0] * x[2]
        return base.tanh()

    inputs = (leaf(0.3, 0.5, -0.7), leaf(0.9, 1.2))
    assert rustorch.autograd.gradcheck(function, inputs)
    assert rustorch.autograd.gradgradcheck(function, inputs)


def test_setitem_with_index_tensors_and_masks() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    y[rustorch.tensor([0, 2])] = x[:2] * 5
    y[y > 9] = 0.0
    y.sum().backward()
    assert y.tolist() == [5.0, 2.0, 0.0]
    assert x.grad.tolist() == [5.0, 1.0, 0.0]


def test_overlapping_operands() -> None:
    x = rustorch.arange(6, dtype="float32")
    x[1:].add_(x[:-1])
    assert x.tolist() == [0, 1, 3, 5, 7, 9]
    y = rustorch.arange(6, dtype="float32")
    y[1:] = y[:-1]
    assert y.tolist() == [0, 0, 1, 2, 3, 4]
    with pytest.raises(rustorch.ShapeError, match="memory of their own"):
        rustorch.ones(1).expand(3).add_(1)


def test_result_must_fit() -> None:
    x = rustorch.ones(3)
    with pytest.raises(rustorch.ShapeError, match=r"the result has shape \(2, 3\) and does not fit \(3,\)"):
        x.add_(rustorch.ones(2, 3))
    with pytest.raises(rustorch.DTypeError, match="a float32 result cannot be stored in a int64 tensor"):
        rustorch.ones(3, dtype="int64").add_(1.5)


def test_out() -> None:
    a, out = rustorch.ones(3), rustorch.empty(3)
    assert rustorch.add(a, 1, out=out) is out
    assert out.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(rustorch.ShapeError, match=r"out must have shape \(3,\)"):
        rustorch.add(a, 1, out=rustorch.empty(4))
    with pytest.raises(AutogradError, match="out= cannot be used"):
        rustorch.add(a.clone().requires_grad_(), 1, out=out)


def test_versions_count_changes_through_any_view() -> None:
    x = rustorch.zeros(4)
    before = x._version
    x[1:3].add_(1)
    x.detach().fill_(2)
    assert x._version == before + 2


def test_functions_that_need_the_old_elements_keep_them() -> None:
    x = rustorch.tensor([-0.5, 0.25, 0.75], requires_grad=True)
    y = x * 2
    y.clamp_(0, 1)
    y.mul_(3)
    assert y.tolist() == [0.0, 1.5, 3.0]
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 6.0, 0.0]


def test_part_of_a_tensor_clamped_in_place() -> None:
    x = rustorch.tensor([[-0.5, 0.25], [0.75, -2.0]], requires_grad=True)
    y = x * 1
    y[1].clamp_(-1, 0.5)
    (y * y).sum().backward()
    assert x.grad.tolist() == [[-1.0, 0.5], [0.0, 0.0]]


def test_only_an_argument_is_followed() -> None:
    limit = rustorch.tensor([0.5, 0.5], requires_grad=True)
    x = rustorch.tensor([0.25, 1.0])
    x.clamp_(max=limit)
    x.mul_(2)
    x.sum().backward()
    assert limit.grad.tolist() == [0.0, 2.0]
