"""Every schedule, step by step, beside PyTorch's: the same rates to the last digits."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import rustorch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PLAIN = [
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 9], "gamma": 0.5}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 4}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 6}),
    ("ExponentialLR", {"gamma": 0.8}),
    ("PolynomialLR", {"total_iters": 8, "power": 2.0}),
    ("PolynomialLR", {}),
    ("CosineAnnealingLR", {"T_max": 5}),
    ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.02}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.9**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (epoch + 1), lambda epoch: 0.5]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.95}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": [1.0, 0.5], "epochs": 4, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 2.0, "total_steps": 20, "three_phase": True, "pct_start": 0.25, "div_factor": 10.0}),
    ("OneCycleLR", {"max_lr": 2.0, "total_steps": 20, "cycle_momentum": False, "final_div_factor": 50.0}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 20, "base_momentum": [0.8, 0.7], "max_momentum": 0.9}),
]  # fmt: skip


def optimizers(kind: str = "SGD") -> list[Any]:
    made = []
    for library in (rustorch, torch):
        x = [library.ones(1, requires_grad=True) for _ in range(2)]
        options = {"momentum": 0.9} if kind == "SGD" else {}
        made.append(
            getattr(library.optim, kind)(
                [{"params": [x[0]], "lr": 0.3}, {"params": [x[1]]}], lr=0.1, **options
            )
        )
    return made


def same(ours: Any, theirs: Any) -> None:
    for mine, yours in zip(ours.param_groups, theirs.param_groups, strict=True):
        assert mine.keys() >= yours.keys() & {
            "initial_lr",
            "max_lr",
            "min_lr",
            "max_momentum",
            "base_momentum",
        }
        for key in {"lr", "initial_lr", "momentum", "betas"} & yours.keys():
            assert mine[key] == pytest.approx(yours[key], rel=1e-13, abs=1e-16), key


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_step_by_step(name: str, options: dict[str, Any], kind: str) -> None:
    pair = optimizers(kind)
    ours, theirs = (
        getattr(library.optim.lr_scheduler, name)(optimizer, **options)
        for library, optimizer in zip((rustorch, torch), pair, strict=True)
    )
    same(*pair)
    for _ in range(19):
        for optimizer in pair:
            optimizer.step()
        ours.step()
        theirs.step()
        same(*pair)
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-13, abs=1e-16)
        assert ours.get_lr() == ours.get_last_lr()
        assert ours.last_epoch == theirs.last_epoch


@pytest.mark.parametrize(("name", "options"), [c for c in PLAIN if c[0] != "OneCycleLR"])
def test_going_to_an_epoch(name: str, options: dict[str, Any]) -> None:
    pair = optimizers()
    ours, theirs = (
        getattr(library.optim.lr_scheduler, name)(optimizer, **options)
        for library, optimizer in zip((rustorch, torch), pair, strict=True)
    )
    for epoch in (3, 4, 7, 2):
        for optimizer in pair:
            optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours.step(epoch)
            theirs.step(epoch)
        same(*pair)


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_resuming(name: str, options: dict[str, Any]) -> None:
    first, second = (optimizers()[0] for _ in range(2))
    make = getattr(rustorch.optim.lr_scheduler, name)
    whole, half = make(first, **options), make(second, **options)
    rates = []
    for _ in range(12):
        first.step()
        whole.step()
        rates.append(whole.get_last_lr())
    for _ in range(5):
        second.step()
        half.step()
    resumed_optimizer = optimizers()[0]
    resumed = make(resumed_optimizer, **options)
    resumed_optimizer.load_state_dict(second.state_dict())
    resumed.load_state_dict(half.state_dict())
    for expected in rates[5:]:
        resumed_optimizer.step()
        resumed.step()
        assert resumed.get_last_lr() == expected


METRICS = [
    1.0,
    0.9,
    0.9,
    0.9,
    0.9,
    0.8,
    0.85,
    0.85,
    0.85,
    0.85,
    0.85,
    0.1,
    0.1,
    0.1,
    0.1,
    float("nan"),
    0.1,
    0.1,
]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 1},
        {"patience": 0, "cooldown": 2, "factor": 0.5},
        {"patience": 1, "min_lr": [0.05, 0.01], "threshold": 0.1},
    ],
)
def test_plateau(mode: str, threshold_mode: str, options: dict[str, Any]) -> None:
    pair = optimizers()
    ours, theirs = (
        library.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, threshold_mode=threshold_mode, **options
        )
        for library, optimizer in zip((rustorch, torch), pair, strict=True)
    )
    for metric in METRICS:
        ours.step(metric)
        theirs.step(metric)
        same(*pair)
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-13)


def sequential(library: Any, optimizer: Any) -> Any:
    home = library.optim.lr_scheduler
    parts = [
        home.LinearLR(optimizer, 0.1, total_iters=4),
        home.CosineAnnealingLR(optimizer, 6),
        home.ExponentialLR(optimizer, 0.7),
    ]
    return home.SequentialLR(optimizer, parts, [4, 10])


def chained(library: Any, optimizer: Any) -> Any:
    home = library.optim.lr_scheduler
    return home.ChainedScheduler([home.ConstantLR(optimizer, 0.1, 3), home.ExponentialLR(optimizer, 0.9)])


@pytest.mark.parametrize("make", [sequential, chained])
def test_combined(make: Any) -> None:
    pair = optimizers()
    ours, theirs = make(rustorch, pair[0]), make(torch, pair[1])
    for _ in range(15):
        same(*pair)
        for optimizer in pair:
            optimizer.step()
        ours.step()
        theirs.step()
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-13)
    again_optimizer = optimizers()[0]
    again = make(rustorch, again_optimizer)
    again_optimizer.load_state_dict(pair[0].state_dict())
    again.load_state_dict(ours.state_dict())
    ours.step()
    again.step()
    assert again.get_last_lr() == ours.get_last_lr()
