import pytest

import rustorch
from rustorch.nn import utils


def with_gradient(*gradient):
    x = rustorch.zeros(len(gradient), requires_grad=True)
    x.grad = rustorch.tensor(list(gradient))
    return x


def test_one_norm_over_all_parameters():
    a, b = with_gradient(3.0, 0.0), with_gradient(4.0)
    assert utils.clip_grad_norm_(iter([a, rustorch.ones(2, requires_grad=True), b]), 1.0).item() == 5
    assert a.grad.tolist() == pytest.approx([0.6, 0.0])
    assert b.grad.tolist() == pytest.approx([0.8])
    assert utils.clip_grad_norm_([a, b], 10.0).item() == pytest.approx(1.0)
    assert b.grad.tolist() == pytest.approx([0.8])


def test_nothing_to_clip():
    assert utils.clip_grad_norm_([rustorch.ones(2, requires_grad=True)], 1.0).item() == 0


def test_norms_that_are_not_finite():
    x = with_gradient(float("inf"), 1.0)
    with pytest.raises(rustorch.TensorError, match="the norm of order 2 is inf"):
        utils.clip_grad_norm_([x], 1.0, error_if_nonfinite=True)
    assert x.grad.tolist() == [float("inf"), 1.0]


def test_values():
    x = with_gradient(-3.0, 0.5, 2.0)
    utils.clip_grad_value_(x, 1.0)
    assert x.grad.tolist() == [-1.0, 0.5, 1.0]


def test_wrong_arguments():
    x = with_gradient(1.0)
    with pytest.raises(rustorch.ArgumentError, match="max_norm must not be negative, got -1"):
        utils.clip_grad_norm_([x], -1)
    with pytest.raises(rustorch.ArgumentError, match="clip_value must not be negative, got -1"):
        utils.clip_grad_value_([x], -1)
    with pytest.raises(rustorch.ArgumentTypeError, match="tensors are required, got int"):
        utils.clip_grad_norm_([1], 1.0)
    with pytest.raises(rustorch.ShapeError, match=r"a vector of 1 elements is required, got \(2,\)"):
        utils.vector_to_parameters(rustorch.ones(2), [x])
    with pytest.raises(rustorch.ArgumentError, match="at least one parameter is required"):
        utils.parameters_to_vector([])
