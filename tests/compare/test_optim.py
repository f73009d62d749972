"""Every optimizer, step by step, beside PyTorch's in float64: every combination of options."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import rustorch

STEPS = 7
SHAPES = [(3, 4), (5,), ()]


def grid(**options: list[Any]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


def sgd_is_allowed(o: dict[str, Any]) -> bool:
    return not o["nesterov"] or (o["momentum"] > 0 and o["dampening"] == 0)


CASES = [
    *(
        ("SGD", o)
        for o in grid(
            lr=[0.1],
            momentum=[0, 0.9],
            dampening=[0, 0.3],
            weight_decay=[0, 0.05],
            nesterov=[False, True],
            maximize=[False, True],
        )
        if sgd_is_allowed(o)
    ),
    *(
        (name, o)
        for name in ("Adam", "AdamW")
        for o in grid(
            lr=[0.01],
            betas=[(0.9, 0.999), (0.5, 0.7)],
            eps=[1e-8, 1e-3],
            weight_decay=[0, 0.1],
            amsgrad=[False, True],
            maximize=[False, True],
        )
    ),
    *(
        ("RMSprop", o)
        for o in grid(
            lr=[0.01],
            alpha=[0.99, 0.5],
            weight_decay=[0, 0.1],
            momentum=[0, 0.9],
            centered=[False, True],
            maximize=[False, True],
        )
    ),
    *(
        ("Adagrad", o)
        for o in grid(
            lr=[0.1],
            lr_decay=[0, 0.1],
            weight_decay=[0, 0.1],
            initial_accumulator_value=[0, 0.5],
            maximize=[False, True],
        )
    ),
]
DEFAULTS = [(name, {}) for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")]


class Pair:
    """The same parameters in both libraries, given the same gradients."""

    def __init__(self, name: str, options: dict[str, Any], device: str = "cpu") -> None:
        self.rng = np.random.default_rng(0)
        values = [self.rng.standard_normal(shape) for shape in SHAPES]
        self.ours = [rustorch.tensor(v, dtype="float64", device=device, requires_grad=True) for v in values]
        self.theirs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
        self.our_optimizer = getattr(rustorch.optim, name)(self.ours, **options)
        self.their_optimizer = getattr(torch.optim, name)(self.theirs, **options)

    def give_gradients(self, *, without_last: bool = False) -> None:
        for p, q in zip(self.ours, self.theirs, strict=True):
            g = self.rng.standard_normal(tuple(q.shape))
            p.grad = rustorch.tensor(g, dtype="float64", device=p.device)
            q.grad = torch.tensor(g, dtype=torch.float64)
        if without_last:
            self.ours[-1].grad = self.theirs[-1].grad = None

    def step(self, **how: Any) -> None:
        self.give_gradients(**how)
        self.our_optimizer.step()
        self.their_optimizer.step()

    def check(self) -> None:
        for p, q in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(p.to_numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize(
    ("name", "options"),
    CASES + DEFAULTS,
    ids=lambda v: v if isinstance(v, str) else ",".join(map(str, v.values())),
)
def test_step_by_step(name: str, options: dict[str, Any], device: str) -> None:
    pair = Pair(name, options, device)
    for step in range(STEPS):
        pair.step(without_last=step in (0, 3))  # so that the parameters' step counts differ
        pair.check()


@pytest.mark.parametrize(("name", "options"), CASES[::5] + DEFAULTS)
def test_state_dicts_have_the_same_form(name: str, options: dict[str, Any]) -> None:
    pair = Pair(name, options)
    pair.step()
    pair.step()
    ours, theirs = pair.our_optimizer.state_dict(), pair.their_optimizer.state_dict()
    assert ours.keys() == theirs.keys()
    for mine, yours in zip(ours["param_groups"], theirs["param_groups"], strict=True):
        assert yours.keys() <= mine.keys() | {"decoupled_weight_decay"}
        assert mine["params"] == yours["params"]
        for key in mine.keys() & yours.keys():
            assert mine[key] == yours[key], key
    assert ours["state"].keys() == theirs["state"].keys()
    for number, slots in theirs["state"].items():
        assert ours["state"][number].keys() == slots.keys()
        for key, value in slots.items():
            mine = ours["state"][number][key].to_numpy()
            assert mine.shape == tuple(value.shape)
            assert str(mine.dtype) == str(value.dtype).removeprefix("torch.")
            np.testing.assert_allclose(mine, value.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES[::5] + DEFAULTS)
def test_training_goes_on_from_pytorchs_state(name: str, options: dict[str, Any]) -> None:
    pair = Pair(name, options)
    for _ in range(3):
        pair.step()
    fresh = getattr(rustorch.optim, name)(pair.ours, **options)
    fresh.load_state_dict(to_ours(pair.their_optimizer.state_dict()))
    pair.our_optimizer = fresh
    for _ in range(3):
        pair.step()
        pair.check()


def to_ours(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return rustorch.tensor(value.numpy())
    if isinstance(value, dict):
        return {k: to_ours(v) for k, v in value.items()}
    return [to_ours(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_other_dtypes(name: str, dtype: str, device: str) -> None:
    rng = np.random.default_rng(1)
    start, tolerance = rng.standard_normal(64), {"float32": 1e-6, "bfloat16": 0.02}[dtype]
    p = rustorch.tensor(start, dtype=dtype, device=device, requires_grad=True)
    q = torch.tensor(start, dtype=getattr(torch, dtype), requires_grad=True)
    ours = getattr(rustorch.optim, name)([p], lr=0.01)
    theirs = getattr(torch.optim, name)([q], lr=0.01)
    for _ in range(5):
        g = rng.standard_normal(64)
        p.grad = rustorch.tensor(g, dtype=dtype, device=device)
        q.grad = torch.tensor(g, dtype=q.dtype)
        ours.step()
        theirs.step()
    np.testing.assert_allclose(
        p.to_numpy().astype(np.float64), q.detach().double().numpy(), rtol=tolerance, atol=tolerance
    )


def test_parameter_groups() -> None:
    values = [np.ones(3), np.ones(2)]
    ours = [rustorch.tensor(v, requires_grad=True) for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    optimizers = [
        home.Adam(
            [{"params": [p[0]], "lr": 0.5}, {"params": p[1], "betas": (0.5, 0.5)}], lr=0.1, weight_decay=0.1
        )
        for home, p in ((rustorch.optim, ours), (torch.optim, theirs))
    ]
    for _ in range(4):
        for p, q in zip(ours, theirs, strict=True):
            p.grad, q.grad = p.detach() * 2, q.detach() * 2
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.to_numpy(), q.detach().numpy(), rtol=1e-12)
