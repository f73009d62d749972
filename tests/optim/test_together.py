"""Steps of several parameters in one call, on a backend that can: the same numbers, whoever watches."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch
from rustorch import optim
from rustorch.dispatch.observers import observing

CASES = {
    "sgd": lambda params: optim.SGD(params, lr=0.1, momentum=0.9),
    "adam": lambda params: optim.Adam(params, lr=0.1, weight_decay=0.1),
    "adamw": lambda params: optim.AdamW(params, lr=0.1, amsgrad=True),
}


def trained(make, device="cpu"):
    """Two steps of parameters of two dtypes, one of them without a gradient at first and one with strides."""
    rng = np.random.default_rng(0)
    shapes = [
        ((3, 4), "float32"),
        ((5,), "float64"),
        ((7, 2), "float32"),
        ((), "float32"),
        ((4, 3), "float32"),
    ]
    params = [rustorch.tensor(rng.normal(size=s).astype(d), device=device) for s, d in shapes]
    params[-1] = params[-1].t()
    optimizer = make([p.requires_grad_() for p in params])
    for step in range(2):
        for i, p in enumerate(params):
            if i != 2 or step:
                p.grad = rustorch.tensor(rng.normal(size=tuple(p.shape)), dtype=p.dtype, device=device)
        optimizer.step()
    return [p.detach().to_numpy() for p in params]


class Watcher:
    def __init__(self):
        self.shapes = []

    def around(self, op, dtype, device, call, out, inputs, attrs):
        if op.name.endswith("_step"):
            self.shapes.append(tuple(out[0].shape))
        call(out, *inputs, **attrs)


@pytest.mark.parametrize("case", CASES)
def test_together_and_one_by_one(case):
    """An observer sees every parameter's step; the bits are those of the steps that nobody watches."""
    together, watcher = trained(CASES[case]), Watcher()
    with observing(watcher):
        watched = trained(CASES[case])
    assert watcher.shapes == [(3, 4), (5,), (), (3, 4), (3, 4), (5,), (7, 2), (), (3, 4)]
    for got, one_by_one, value in zip(together, watched, trained(CASES[case], "reference"), strict=True):
        np.testing.assert_array_equal(got, one_by_one)
        np.testing.assert_allclose(got, value, rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_gradient_changes_nothing(case):
    params = [rustorch.ones(3, requires_grad=True), rustorch.ones(2, requires_grad=True)]
    optimizer = CASES[case](params)
    params[0].grad = rustorch.ones(3)
    params[1].grad_ = rustorch.ones(2, dtype=rustorch.float64)
    with pytest.raises(rustorch.ShapeError, match="slots and gradient must be like the parameter"):
        optimizer.step()
    assert params[0].tolist() == [1, 1, 1]


def test_a_slot_with_strides_is_not_taken_for_a_contiguous_one():
    """A state that was put in from outside may lie in memory as it likes."""

    def stepped(mean):
        p = rustorch.zeros(2, 3, requires_grad=True)
        optimizer = optim.Adam([p], lr=0.1)
        for _ in range(2):
            p.grad = rustorch.arange(6.0).reshape(2, 3)
            optimizer.step()
            optimizer.state[p]["exp_avg"] = mean(optimizer.state[p]["exp_avg"])
        return p.detach().to_numpy()

    np.testing.assert_array_equal(stepped(lambda m: m.t().contiguous().t()), stepped(lambda m: m))
