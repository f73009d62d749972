"""First steps of every optimizer, with numbers worked out by hand."""

import math

import pytest

import rustorch
from rustorch import optim


def after(name, gradients, start=1.0, **options):
    """Return where a parameter stands after steps with these gradients."""
    x = rustorch.tensor([start], dtype="float64", requires_grad=True)
    optimizer = getattr(optim, name)([x], **options)
    for g in gradients:
        x.grad = rustorch.tensor([g], dtype="float64")
        optimizer.step()
    return x.item()


def test_sgd():
    assert after("SGD", [2.0], lr=0.1) == pytest.approx(0.8)
    assert after("SGD", [2.0], lr=0.1, weight_decay=0.5) == pytest.approx(1 - 0.1 * 2.5)
    assert after("SGD", [2.0], lr=0.1, maximize=True) == pytest.approx(1.2)
    # the buffer is 2, then 0.5 * 2 + 1 = 2
    assert after("SGD", [2.0, 1.0], lr=0.1, momentum=0.5) == pytest.approx(0.6)
    # dampening leaves out a quarter of the second gradient, not of the first
    assert after("SGD", [2.0, 1.0], lr=0.1, momentum=0.5, dampening=0.25) == pytest.approx(1 - 0.2 - 0.175)
    # g + 0.5 b: 2 + 1, then 1 + 1
    assert after("SGD", [2.0, 1.0], lr=0.1, momentum=0.5, nesterov=True) == pytest.approx(0.5)


def test_adam():
    # the first step has the size of the learning rate, whatever the gradient
    assert after("Adam", [7.0], lr=0.1, eps=0) == pytest.approx(0.9)
    # m = 0.5, 1.25 (over 0.5, 0.75); v = 0.25, 1.1875 (over 0.25, 0.4375)
    second = (1.25 / 0.75) / math.sqrt(1.1875 / 0.4375)
    assert after("Adam", [1.0, 2.0], lr=0.1, betas=(0.5, 0.75), eps=0) == pytest.approx(0.9 - 0.1 * second)
    # amsgrad: v falls to 0.1875, but its maximum stays 0.25
    third = (0.25 / 0.75) / math.sqrt(0.25 / 0.4375)
    assert after("Adam", [1.0, 0.0], lr=0.1, betas=(0.5, 0.75), eps=0, amsgrad=True) == pytest.approx(
        0.9 - 0.1 * third
    )


def test_weight_decay_of_adam_and_adamw():
    # as a penalty it only makes the gradient larger, which the first step does not show
    assert after("Adam", [1.0], lr=0.1, eps=0, weight_decay=0.5) == pytest.approx(0.9)
    assert after("AdamW", [1.0], lr=0.1, eps=0, weight_decay=0.5) == pytest.approx(0.95 - 0.1)


def test_rmsprop():
    assert after("RMSprop", [2.0], lr=0.1, alpha=0.75, eps=0) == pytest.approx(1 - 0.1 * 2)  # v = 1
    assert after("RMSprop", [2.0], lr=0.1, alpha=0.75, eps=1) == pytest.approx(1 - 0.1)
    # centered: v - mean^2 = 1 - 0.25
    assert after("RMSprop", [2.0], lr=0.1, alpha=0.75, eps=0, centered=True) == pytest.approx(
        1 - 0.2 / math.sqrt(0.75)
    )
    # quotients 2 and 0, the second step is 0.5 * 2
    assert after("RMSprop", [2.0, 0.0], lr=0.1, alpha=0.75, eps=0, momentum=0.5) == pytest.approx(0.7)


def test_adagrad():
    assert after("Adagrad", [2.0], lr=0.1, eps=0) == pytest.approx(0.9)
    assert after("Adagrad", [3.0, 4.0], lr=0.1, eps=0) == pytest.approx(0.9 - 0.1 * 4 / 5)
    assert after("Adagrad", [3.0, 4.0], lr=0.1, eps=0, lr_decay=1) == pytest.approx(0.9 - 0.05 * 4 / 5)
    assert after("Adagrad", [3.0], lr=0.1, eps=0, initial_accumulator_value=16) == pytest.approx(
        1 - 0.1 * 3 / 5
    )
