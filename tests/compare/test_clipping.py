"""Limiting gradients, beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch


def pairs(scale: float = 1.0) -> tuple[list[rustorch.Tensor], list[torch.Tensor]]:
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for shape in [(3, 4), (5,), (), (2,)]:
        value, gradient = rng.standard_normal(shape), rng.standard_normal(shape) * scale
        ours.append(rustorch.tensor(value, dtype="float64", requires_grad=True))
        theirs.append(torch.tensor(value, dtype=torch.float64, requires_grad=True))
        if shape != (2,):  # the last one has no gradient
            ours[-1].grad = rustorch.tensor(gradient, dtype="float64")
            theirs[-1].grad = torch.tensor(gradient, dtype=torch.float64)
    return ours, theirs


def same(ours: list[rustorch.Tensor], theirs: list[torch.Tensor]) -> None:
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if q.grad is not None:
            np.testing.assert_allclose(p.grad.to_numpy(), q.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("scale", [0.01, 3.0])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, float("inf"), 0.5])
def test_clip_grad_norm(scale: float, norm_type: float) -> None:
    ours, theirs = pairs(scale)
    mine = rustorch.nn.utils.clip_grad_norm_(ours, 0.7, norm_type)
    yours = torch.nn.utils.clip_grad_norm_(theirs, 0.7, norm_type)
    assert float(mine) == pytest.approx(float(yours), rel=1e-12)
    same(ours, theirs)


def test_clip_grad_value() -> None:
    ours, theirs = pairs()
    rustorch.nn.utils.clip_grad_value_(ours, 0.4)
    torch.nn.utils.clip_grad_value_(theirs, 0.4)
    same(ours, theirs)


def test_vectors() -> None:
    ours, theirs = pairs()
    mine, yours = rustorch.nn.utils.parameters_to_vector(ours), torch.nn.utils.parameters_to_vector(theirs)
    np.testing.assert_allclose(mine.to_numpy(), yours.detach().numpy())
    rustorch.nn.utils.vector_to_parameters(mine * 2, ours)
    torch.nn.utils.vector_to_parameters(yours * 2, theirs)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.to_numpy(), q.detach().numpy())
