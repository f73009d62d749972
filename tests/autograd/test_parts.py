"""Gradients of views of one tensor: they go into the same memory, and nobody else's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import rustorch
from rustorch.dispatch.observers import observing


class Watcher:
    def __init__(self):
        self.ops = Counter()

    def around(self, op, dtype, device, call, out, inputs, attrs):
        self.ops[op.name] += 1
        call(out, *inputs, **attrs)


def weights(*shape):
    return np.random.default_rng(1).normal(size=shape)


#: name -> (function of a (4, 6) tensor, its gradient)
USES = {
    "parts that do not meet": (
        lambda x: [(p * rustorch.tensor(weights(4, 2))).sum() for p in x.chunk(3, 1)],
        lambda: np.tile(weights(4, 2), (1, 3)),
    ),
    "parts that overlap": (
        lambda x: [x[1:3].sum(), x[:, ::2].sum(), x[2].sum(), x[2, 3]],
        lambda: np.array([[1, 0] * 3, [2, 1] * 3, [3, 2] * 3, [1, 0] * 3]) + np.eye(24)[15].reshape(4, 6),
    ),
    "a part, then the whole": (lambda x: [(x * 3).sum(), x[0].sum()], lambda: 3 + np.eye(4)[:, :1] + np.zeros((4, 6))),
    "the whole, then a part": (lambda x: [x[0].sum(), (x * 3).sum()], lambda: 3 + np.eye(4)[:, :1] + np.zeros((4, 6))),
    "the whole thrice": (lambda x: [(x * i).sum() for i in (1, 2, 3)], lambda: np.full((4, 6), 6.0)),
    "a part of a part": (
        lambda x: [x[1][2:4].sum(), x[1][3]],
        lambda: np.bincount([8, 9, 9], minlength=24).reshape(4, 6),
    ),
    "columns": (lambda x: [x.t()[0].sum(), x.t()[1:3].sum()], lambda: np.array([[1, 1, 1, 0, 0, 0]] * 4)),
}  # fmt: skip


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("use", USES)
def test_the_sum_of_the_parts(use, create, inner):
    function, expected = USES[use]
    x = rustorch.zeros(4, 6, dtype=rustorch.float64, requires_grad=True)
    total = rustorch.zeros((), dtype=rustorch.float64)
    for value in function(x * 1 if inner else x):
        total = total + value
    total.backward(create_graph=create)
    np.testing.assert_array_equal(x.grad.detach().to_numpy(), expected())


def test_one_tensor_of_zeros_for_all_parts():
    x = rustorch.zeros(3, 8, requires_grad=True)
    a, b, c = (x * 1).unbind(0)
    loss = (a * b * c).sum()
    with observing(watcher := Watcher()):
        loss.backward()
    assert watcher.ops["fill"] == 2  # the zeros, and the one that it starts with


def test_a_gradient_that_a_hook_keeps_stays_what_it_was():
    x = rustorch.ones(2, requires_grad=True)
    kept = []
    y = x * 1
    z = y * 1
    z.register_hook(lambda g: kept.append(g) or g)
    (z.sum() + y[0] + y[1:].sum() + (y * 2).sum()).backward()
    assert kept[0].tolist() == [1, 1]
    assert x.grad.tolist() == [4, 4]


def test_a_gradient_that_the_caller_passes_stays_what_it_was():
    x = rustorch.ones(3, requires_grad=True)
    y = x * 1
    mine = rustorch.ones(3)
    rustorch.autograd.backward([y, y[1], y * 2], [mine, rustorch.ones(()), mine])
    assert mine.tolist() == [1, 1, 1]
    assert x.grad.tolist() == [3, 4, 3]
