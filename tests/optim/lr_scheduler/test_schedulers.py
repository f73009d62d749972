"""Schedules of the learning rate, with numbers worked out by hand."""

import math
import pickle

import pytest

import rustorch
from rustorch.optim import SGD, Adagrad, Adam, lr_scheduler

HALF = math.sqrt(0.5)  # cos(pi / 4)


def optimizer(lr=1.0, kind=SGD, **options):
    return kind([rustorch.ones(1, requires_grad=True)], lr=lr, **options)


def rates(make, steps, lr=1.0, kind=SGD, **options):
    made = optimizer(lr, kind, **options)
    scheduler = make(made)
    seen = []
    for _ in range(steps):
        seen.append(made.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == [seen[-1]]
        assert scheduler.get_lr() == [seen[-1]]
        made.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: lr_scheduler.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: lr_scheduler.MultiStepLR(o, [1, 3, 3], 0.5), [1, 0.5, 0.5, 0.125]),
        (lambda o: lr_scheduler.ConstantLR(o, 0.25, 2), [0.25, 0.25, 1, 1]),
        (lambda o: lr_scheduler.LinearLR(o, 0.5, 1.0, 2), [0.5, 0.75, 1, 1]),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [1, 0.5, 0.25]),
        (lambda o: lr_scheduler.PolynomialLR(o, 4, 2.0), [1, 0.5625, 0.25, 0.0625, 0, 0]),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 2, 0.5), [1, 0.75, 0.5, 0.75, 1]),
        (
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
            [1, 0.5, 1, (1 + HALF) / 2, 0.5, (1 - HALF) / 2, 1],
        ),
        (lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)), [1, 1 / 2, 1 / 3]),
        (lambda o: lr_scheduler.MultiplicativeLR(o, lambda epoch: epoch), [1, 1, 2, 6]),
    ],
)  # fmt: skip
def test_rates(make, expected):
    assert rates(make, len(expected)) == pytest.approx(expected)


def test_one_cycle():
    def make(o):
        return lr_scheduler.OneCycleLR(
            o, 1.0, 11, pct_start=0.5, anneal_strategy="linear", div_factor=10, final_div_factor=10
        )

    seen = rates(make, 11, kind=Adam)
    assert seen[0] == pytest.approx(0.1)
    assert max(seen) == pytest.approx(1.0, abs=0.15)
    assert seen[-1] == pytest.approx(0.01)
    made = optimizer(kind=Adam)
    scheduler = make(made)
    assert made.param_groups[0]["betas"] == (0.95, 0.999)
    for _ in range(5):
        made.step()
        scheduler.step()
    assert made.param_groups[0]["betas"][0] < 0.87
    for _ in range(6):
        made.step()
        scheduler.step()
    with pytest.raises(rustorch.ArgumentError, match="OneCycleLR: the cycle has 11 steps, got step 12"):
        scheduler.step()


def test_plateau():
    made = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(made, factor=0.5, patience=1, cooldown=1, min_lr=0.3)
    seen = []
    for loss in [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]:
        scheduler.step(rustorch.tensor(loss))
        seen.append(scheduler.get_last_lr()[0])
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.3]


def test_a_scheduler_stepped_too_early_warns():
    scheduler = lr_scheduler.StepLR(optimizer(), 1)
    with pytest.warns(UserWarning, match=r"lr_scheduler\.step\(\) was called before optimizer\.step\(\)"):
        scheduler.step()


def test_a_state_can_be_pickled_and_taken_over():
    made = optimizer()
    scheduler = lr_scheduler.CosineAnnealingLR(made, 5)
    for _ in range(3):
        made.step()
        scheduler.step()
    state = pickle.loads(pickle.dumps(scheduler.state_dict()))
    assert state["last_epoch"] == 3
    assert state["base_lrs"] == [1.0]
    assert "optimizer" not in state
    other = lr_scheduler.CosineAnnealingLR(optimizer(), 7)
    other.load_state_dict(state)
    assert (other.T_max, other.last_epoch, other.get_last_lr()) == (5, 3, scheduler.get_last_lr())


def test_attributes_of_callable_objects_are_saved():
    class Factor:
        def __init__(self, base):
            self.base = base

        def __call__(self, epoch):
            return self.base**epoch

    state = lr_scheduler.LambdaLR(optimizer(), Factor(0.5)).state_dict()
    assert state["lr_lambdas"] == [{"base": 0.5}]
    other = lr_scheduler.LambdaLR(optimizer(), Factor(0.1))
    other.load_state_dict(state)
    other.optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.5]


def test_a_schedule_of_ones_own_may_build_on_another():
    class Floored(lr_scheduler.ExponentialLR):
        def get_lr(self):
            return [max(rate, 0.3) for rate in super().get_lr()]

    assert rates(lambda o: Floored(o, 0.5), 4) == [1, 0.5, 0.3, 0.3]


def test_resuming_needs_the_initial_rate():
    with pytest.raises(
        rustorch.ArgumentError, match="parameter group 0 has no 'initial_lr', which last_epoch=4 needs"
    ):
        lr_scheduler.StepLR(optimizer(), 1, last_epoch=4)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: lr_scheduler.StepLR(None, 1), "StepLR: an Optimizer is required, got NoneType"),
        (lambda: lr_scheduler.StepLR(optimizer(), 0), "step_size must be an integer of at least 1, got 0"),
        (lambda: lr_scheduler.ConstantLR(optimizer(), 2.0), "factor must be above 0 and at most 1"),
        (lambda: lr_scheduler.LinearLR(optimizer(), 0.0), "start_factor must be above 0 and at most 1"),
        (lambda: lr_scheduler.LinearLR(optimizer(), end_factor=2), "end_factor must be between 0 and 1"),
        (lambda: lr_scheduler.PolynomialLR(optimizer(), 0), "total_iters must be an integer of at least 1"),
        (lambda: lr_scheduler.CosineAnnealingLR(optimizer(), 0), "T_max must be positive"),
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 1.5), "T_0 must be an integer"),
        (lambda: lr_scheduler.LambdaLR(optimizer(), 3), "lr_lambda must be callable, got int"),
        (lambda: lr_scheduler.LambdaLR(optimizer(), [abs, abs]), "one value per parameter group, 1, got 2"),
        (
            lambda: lr_scheduler.OneCycleLR(optimizer(), 1.0),
            "give total_steps, or epochs and steps_per_epoch",
        ),
        (
            lambda: lr_scheduler.OneCycleLR(optimizer(), 1.0, 5, anneal_strategy="x"),
            "must be 'cos' or 'linear'",
        ),
        (
            lambda: lr_scheduler.OneCycleLR(optimizer(), 1.0, 5, pct_start=2),
            "pct_start must be between 0 and 1",
        ),
        (lambda: lr_scheduler.OneCycleLR(optimizer(kind=Adagrad), 1.0, 5), "neither momentum nor betas"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer(), "best"), "mode must be 'min' or 'max'"),
        (lambda: lr_scheduler.ReduceLROnPlateau(optimizer(), factor=1.0), "factor must be below 1"),
        (lambda: lr_scheduler.SequentialLR(optimizer(), [], []), "at least one scheduler is required"),
        (lambda: lr_scheduler.ChainedScheduler([]), "at least one scheduler is required"),
    ],
)
def test_wrong_arguments(make, text):
    with pytest.raises((ValueError, TypeError), match=text) as error:
        make()
    assert isinstance(error.value, rustorch.RusTorchError)


def test_schedulers_in_a_sequence_share_an_optimizer():
    one, two = optimizer(), optimizer()
    parts = [lr_scheduler.ExponentialLR(one, 0.5), lr_scheduler.ExponentialLR(two, 0.5)]
    with pytest.raises(rustorch.ArgumentError, match="scheduler 1 has another"):
        lr_scheduler.SequentialLR(one, parts, [1])
    with pytest.raises(
        rustorch.ArgumentError, match="one milestone between every two schedulers is required, 0, got 1"
    ):
        lr_scheduler.SequentialLR(one, parts[:1], [1])
    with pytest.raises(rustorch.ArgumentError, match="needs a metric at each step"):
        lr_scheduler.SequentialLR(one, [lr_scheduler.ReduceLROnPlateau(one)], [])
