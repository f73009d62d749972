"""Losses beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import rustorch
from rustorch import nn

CASES = [
    ("MSELoss", {}, "pair"),
    ("L1Loss", {}, "pair"),
    ("SmoothL1Loss", {"beta": 0.7}, "pair"),
    ("SmoothL1Loss", {"beta": 0.0}, "pair"),
    ("HuberLoss", {"delta": 0.7}, "pair"),
    ("BCELoss", {}, "probabilities"),
    ("BCELoss", {"weight": (4,)}, "probabilities"),
    ("BCEWithLogitsLoss", {}, "binary"),
    ("BCEWithLogitsLoss", {"weight": (4,), "pos_weight": (4,)}, "binary"),
    ("CrossEntropyLoss", {}, "classes"),
    ("CrossEntropyLoss", {"weight": (4,), "ignore_index": 1}, "classes"),
    ("CrossEntropyLoss", {"weight": (4,), "label_smoothing": 0.2}, "classes"),
    ("CrossEntropyLoss", {"label_smoothing": 0.2, "ignore_index": 0}, "picture"),
    ("CrossEntropyLoss", {"weight": (4,)}, "picture"),
    ("CrossEntropyLoss", {"weight": (4,), "label_smoothing": 0.1}, "soft classes"),
    ("NLLLoss", {}, "classes"),
    ("NLLLoss", {"weight": (4,), "ignore_index": 1}, "picture"),
    ("KLDivLoss", {}, "probabilities"),
    ("KLDivLoss", {"log_target": True}, "pair"),
    ("GaussianNLLLoss", {"full": True}, "triple"),
    ("PoissonNLLLoss", {"full": True}, "probabilities"),
    ("CosineEmbeddingLoss", {"margin": 0.2}, "signs of rows"),
    ("MarginRankingLoss", {"margin": 0.3}, "signs"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, "sign"),
    ("SoftMarginLoss", {}, "sign"),
    ("TripletMarginLoss", {"margin": 2.0}, "triple"),
    ("TripletMarginLoss", {"margin": 2.0, "p": 1.0, "swap": True}, "triple"),
    ("MultiLabelSoftMarginLoss", {"weight": (4,)}, "binary"),
    ("CosineSimilarity", {}, "pair"),
    ("PairwiseDistance", {"p": 3.0, "keepdim": True}, "pair"),
]


def operands(kind: str) -> tuple[list[np.ndarray], int]:
    """Return the inputs, and how many of them from the front want a gradient."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 4)) * 2, rng.normal(size=(6, 4))
    return {
        "pair": ([x, y], 2),
        "probabilities": ([rng.uniform(0.1, 0.9, (6, 4)), rng.uniform(0.1, 0.9, (6, 4))], 2),
        "binary": ([x, (y > 0).astype(float)], 1),
        "classes": ([x, rng.integers(0, 4, 6)], 1),
        "picture": ([rng.normal(size=(2, 4, 3, 5)), rng.integers(0, 4, (2, 3, 5))], 1),
        "soft classes": ([x, rng.uniform(0, 1, (6, 4))], 2),
        "triple": ([x, y, rng.uniform(0.5, 2.0, (6, 4))], 3),
        "signs of rows": ([x, y, np.sign(rng.normal(size=6))], 2),
        "signs": ([x, y, np.sign(rng.normal(size=(6, 4)))], 2),
        "sign": ([x, np.sign(y)], 1),
    }[kind]


def settings(options: dict, make: Any) -> dict:
    rng = np.random.default_rng(5)
    return {k: make(rng.uniform(0.5, 2.0, v)) if isinstance(v, tuple) else v for k, v in options.items()}


@pytest.mark.filterwarnings("ignore:reduction")  # PyTorch announces a change of KLDivLoss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize(("name", "options", "kind"), CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_loss(name: str, options: dict, kind: str, reduction: str, dtype: str) -> None:
    if (reduction == "batchmean") > (name == "KLDivLoss"):
        pytest.skip("a reduction of KLDivLoss only")
    if name in {"CosineSimilarity", "PairwiseDistance"}:
        if reduction != "mean":
            pytest.skip("has no reduction")
    else:
        options = {**options, "reduction": reduction}
    values, wanted = operands(kind)
    values = [v.astype(dtype) if v.dtype.kind == "f" else v for v in values]
    ours = getattr(nn, name)(**settings(options, lambda v: rustorch.tensor(v.astype(dtype))))
    theirs = getattr(torch.nn, name)(**settings(options, lambda v: torch.tensor(v.astype(dtype))))
    mine = [rustorch.tensor(v, requires_grad=i < wanted) for i, v in enumerate(values)]
    yours = [torch.tensor(v, requires_grad=i < wanted) for i, v in enumerate(values)]
    a, b = ours(*mine), theirs(*yours)
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    assert tuple(a.shape) == tuple(b.shape)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)
    a.sum().backward()
    b.sum().backward()
    for x, y in zip(mine[:wanted], yours[:wanted], strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=tolerance, atol=tolerance)


def test_all_rows_ignored() -> None:
    x, t = np.ones((2, 3)), np.array([-100, -100])
    ours = nn.functional.cross_entropy(rustorch.tensor(x), rustorch.tensor(t))
    assert np.isnan(ours.item())
    assert np.isnan(torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(t)).item())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_cross_entropy_in_half_precision(dtype: str) -> None:
    values = np.random.default_rng(0).normal(size=(5, 7))
    ours = nn.functional.cross_entropy(rustorch.tensor(values, dtype=dtype), rustorch.arange(5))
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(values, dtype=getattr(torch, dtype)), torch.arange(5)
    )
    assert abs(ours.item() - theirs.item()) < 3e-2
