"""Every public function that PyTorch has by the same name: values and gradients on its samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import rustorch
from rustorch.testing.cases import Case, cases, flat

#: Functions that differ by design, with the reason.
DIFFERENT = {
    "norm": "torch.norm takes no inf/0 without dim in the same way; torch.linalg.vector_norm is compared instead",
    "scatter": "PyTorch spells the reductions of scatter 'add' and 'multiply'; scatter_reduce is compared",
    "hardsigmoid": "PyTorch differentiates float64 with 1/6 rounded to float32",
    "floor_divide": "PyTorch marks the result as requiring grad and then cannot differentiate it; ours requires none",
}

FIXED = [c for c in cases(without=frozenset({"random"})) if c.function.name not in DIFFERENT]


def theirs(case: Case) -> object:
    name = case.function.name
    homes = (torch, torch.nn.functional, torch.Tensor)
    if case.function.family in {
        "pooling",
        "pools",
        "loss",
        "ranking",
        "batch_norm",
        "embedding",
    }:  # torch's own forms have other parameters
        homes = (torch.nn.functional, torch)
    for home in homes:
        if hasattr(home, name):
            return getattr(home, name)
    return None


def to_torch(x: object) -> object:
    if isinstance(x, rustorch.Tensor):
        return torch.tensor(x.to_numpy()).requires_grad_(x.requires_grad)
    if isinstance(x, (list, tuple)):
        return type(x)(to_torch(v) for v in x)
    return getattr(torch, x.name) if isinstance(x, rustorch.DType) else x


def torch_tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in torch_tensors(v)] if isinstance(value, (list, tuple)) else []


COMPARED = [c for c in FIXED if theirs(c) is not None]


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own, about its arguments
@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in COMPARED])
def test_values_and_gradients(case: Case) -> None:
    if case.function.name.startswith("empty"):
        pytest.skip("uninitialised by nature")
    args, kwargs = case.build("cpu", requires_grad=case.function.differentiable)
    their_args = [to_torch(a) for a in args]
    their_kwargs = {k: to_torch(v) for k, v in kwargs.items()}
    before = torch.get_default_dtype()
    try:
        expected = torch_tensors(theirs(case)(*their_args, **their_kwargs))
    finally:
        torch.set_default_dtype(before)
    found = case.call(args, kwargs)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        assert a.dtype.name == str(b.dtype).removeprefix("torch.")
        np.testing.assert_allclose(a.to_numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-10)
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if b.requires_grad]
    assert [a.requires_grad for a in found] == [b.requires_grad for b in expected]
    if not pairs:
        return
    rng = np.random.default_rng(1)
    seeds = [rng.uniform(0.5, 1.5, tuple(b.shape)) for _, b in pairs]
    rustorch.autograd.backward([a for a, _ in pairs], [rustorch.tensor(s) for s in seeds])
    torch.autograd.backward([b for _, b in pairs], [torch.tensor(s) for s in seeds])
    ours = [x for x in flat(list(args) + list(kwargs.values())) if x.is_floating_point()]
    others = [
        x for x in torch_tensors(list(their_args) + list(their_kwargs.values())) if x.is_floating_point()
    ]
    for x, y in zip(ours, others, strict=True):
        if y.grad is None or x.grad is None:  # no gradient and one of zeros mean the same
            assert x.grad is None or not x.grad.to_numpy().any()
            assert y.grad is None or not y.grad.any()
        else:
            np.testing.assert_allclose(x.grad.to_numpy(), y.grad.numpy(), rtol=1e-10, atol=1e-10)


def test_most_functions_are_compared() -> None:
    names = {c.function.name for c in FIXED}
    compared = {c.function.name for c in COMPARED}
    assert len(compared) >= 0.9 * len(names), (
        f"PyTorch has no function by the name of {sorted(names - compared)}"
    )


@pytest.mark.parametrize("p", ["fro", 2, 1, 3, float("inf"), float("-inf"), 0])
@pytest.mark.parametrize("dim", [None, 0, (0, 1)])
def test_norm(p: object, dim: object) -> None:
    values = np.random.default_rng(0).uniform(-2, 2, (3, 4))
    x, y = rustorch.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    a, b = x.norm(p, dim), torch.linalg.vector_norm(y, 2 if p == "fro" else p, dim)
    np.testing.assert_allclose(a.to_numpy(), b.detach().numpy(), rtol=1e-12)
    if p != 0:
        a.sum().backward()
        b.sum().backward()
        np.testing.assert_allclose(x.grad.to_numpy(), y.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_round_to_even() -> None:
    values = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, 3.2])
    np.testing.assert_array_equal(
        rustorch.tensor(values).round().to_numpy(), torch.tensor(values).round().numpy()
    )
