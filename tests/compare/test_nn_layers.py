"""Linear, activation, normalisation and embedding layers beside PyTorch's, with the same weights."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from comparing import close, compare, same_parameters

import rustorch
from rustorch import nn

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape) * 2


ACTIVATIONS = [
    ("ReLU", ()),
    ("ReLU6", ()),
    ("LeakyReLU", (0.2,)),
    ("PReLU", ()),
    ("PReLU", (4,)),
    ("ELU", (1.5,)),
    ("CELU", (0.5,)),  # PyTorch rounds 1/alpha to float32
    ("SELU", ()),
    ("GELU", ()),
    ("GELU", ("tanh",)),
    ("SiLU", ()),
    ("Mish", ()),
    ("Sigmoid", ()),
    ("LogSigmoid", ()),
    ("Tanh", ()),
    ("Tanhshrink", ()),
    ("Softplus", (2.0, 3.0)),
    ("Softsign", ()),
    ("Hardtanh", (-0.5, 1.5)),
    ("Hardswish", ()),
    ("Hardshrink", (0.3,)),
    ("Softshrink", (0.3,)),
    ("Threshold", (0.2, 5.0)),
    ("GLU", (1,)),
    ("Softmax", (1,)),
    ("LogSoftmax", (-1,)),
    ("Softmin", (0,)),
    ("Softmax2d", ()),
    ("RReLU", (0.1, 0.4)),
]


@pytest.mark.parametrize(("name", "settings"), ACTIVATIONS, ids=str)
def test_activation(name: str, settings: tuple[Any, ...]) -> None:
    theirs, ours = getattr(torch.nn, name)(*settings), getattr(nn, name)(*settings)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs)
    compare(ours.eval(), theirs.eval(), [normal(2, 4, 3, 5)])


INPLACE = ["ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "SiLU", "Mish", "Hardtanh", "Hardswish"]


@pytest.mark.parametrize("name", INPLACE)
def test_activation_in_place(name: str) -> None:
    theirs, ours = getattr(torch.nn, name)(inplace=True), getattr(nn, name)(inplace=True)
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, [normal(3, 4)], call=lambda module, x: module(x * 1.5))


AT_KINKS = np.array([-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, np.inf, -np.inf])


@pytest.mark.parametrize(
    "name", ["ReLU", "ReLU6", "LeakyReLU", "ELU", "Hardtanh", "Hardswish", "Hardshrink", "Softshrink"]
)
def test_derivative_at_kinks(name: str) -> None:
    mine = rustorch.tensor(AT_KINKS, requires_grad=True)
    yours = torch.tensor(AT_KINKS, requires_grad=True)
    a, b = getattr(nn, name)()(mine), getattr(torch.nn, name)()(yours)
    np.testing.assert_array_equal(a.to_numpy(), b.detach().numpy())
    a.sum().backward()
    b.sum().backward()
    finite = np.isfinite(yours.grad.numpy())
    np.testing.assert_allclose(mine.grad.to_numpy()[finite], yours.grad.numpy()[finite], rtol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 3, 4), (0, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linear(shape: tuple[int, ...], bias: bool, dtype: str) -> None:
    theirs, ours = torch.nn.Linear(4, 6, bias), nn.Linear(4, 6, bias)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs, dtype)
    compare(ours, theirs, [normal(*shape).astype(dtype)], tolerance=1e-10 if dtype == "float64" else 1e-5)


def test_bilinear_identity_flatten() -> None:
    theirs, ours = torch.nn.Bilinear(3, 4, 5), nn.Bilinear(3, 4, 5)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs)
    compare(ours, theirs, [normal(2, 3), normal(2, 4)])
    for make in (
        lambda n: n.Identity(),
        lambda n: n.Flatten(),
        lambda n: n.Flatten(0, 1),
        lambda n: n.Unflatten(1, (2, 2)),
    ):
        assert repr(make(nn)) == repr(make(torch.nn))
        compare(make(nn), make(torch.nn), [normal(2, 4, 3)])


NORMS = [
    ("BatchNorm1d", (3,), {}, (5, 3)),
    ("BatchNorm1d", (3,), {"momentum": None}, (2, 3, 4)),
    ("BatchNorm2d", (3,), {}, (2, 3, 4, 5)),
    ("BatchNorm2d", (3,), {"affine": False, "momentum": 0.3, "eps": 1e-3}, (2, 3, 4, 5)),
    ("BatchNorm2d", (3,), {"track_running_stats": False}, (2, 3, 4, 5)),
    ("BatchNorm3d", (2,), {}, (2, 2, 3, 2, 4)),
    ("LayerNorm", (4,), {}, (3, 4)),
    ("LayerNorm", ((3, 4),), {"eps": 1e-3}, (2, 3, 4)),
    ("LayerNorm", (4,), {"bias": False}, (2, 3, 4)),
    ("LayerNorm", (4,), {"elementwise_affine": False}, (2, 3, 4)),
    ("RMSNorm", (4,), {}, (2, 3, 4)),
    ("RMSNorm", ((3, 4),), {"eps": 1e-3, "elementwise_affine": False}, (2, 3, 4)),
    ("GroupNorm", (2, 4), {}, (3, 4, 5)),
    ("GroupNorm", (4, 4), {"affine": False}, (3, 4, 5, 2)),
    ("GroupNorm", (2, 4), {"bias": False}, (3, 4, 5, 2)),
    ("BatchNorm2d", (3,), {"bias": False}, (2, 3, 4, 5)),
    ("InstanceNorm1d", (3,), {}, (2, 3, 6)),
    ("InstanceNorm1d", (3,), {}, (3, 6)),
    ("InstanceNorm2d", (3,), {"affine": True, "track_running_stats": True}, (2, 3, 4, 5)),
    ("InstanceNorm3d", (2,), {"affine": True}, (2, 2, 3, 2, 2)),
    ("LocalResponseNorm", (3,), {}, (2, 5, 4)),
]


@pytest.mark.parametrize(("name", "sizes", "options", "shape"), NORMS, ids=str)
def test_normalisation(name: str, sizes: tuple[Any, ...], options: dict, shape: tuple[int, ...]) -> None:
    theirs, ours = getattr(torch.nn, name)(*sizes, **options), getattr(nn, name)(*sizes, **options)
    assert repr(ours) == repr(theirs)
    with torch.no_grad():
        for p in theirs.parameters():
            p.uniform_(0.5, 1.5)
    same_parameters(ours, theirs)
    for step in range(3):
        compare(ours, theirs, [normal(*shape) + step])
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            assert a.dtype.name == str(b.dtype).removeprefix("torch."), key
            np.testing.assert_allclose(a.to_numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
        ours.zero_grad()
        theirs.zero_grad()
    compare(ours.eval(), theirs.eval(), [normal(*shape) * 3])


@pytest.mark.parametrize("name", ["BatchNorm2d", "GroupNorm", "LayerNorm", "InstanceNorm2d"])
def test_normalisation_in_float32(name: str) -> None:
    sizes = {"BatchNorm2d": (3,), "GroupNorm": (3, 3), "LayerNorm": ((3, 4, 5),), "InstanceNorm2d": (3,)}[
        name
    ]
    theirs, ours = getattr(torch.nn, name)(*sizes), getattr(nn, name)(*sizes)
    same_parameters(ours, theirs, "float32")
    compare(ours, theirs, [normal(2, 3, 4, 5).astype("float32")], tolerance=3e-5)


def test_batch_norm_then_relu_in_place() -> None:
    def make(n: Any) -> Any:
        return n.Sequential(n.Linear(3, 4), n.BatchNorm1d(4), n.ReLU(inplace=True), n.Linear(4, 2))

    theirs, ours = make(torch.nn), make(nn)
    assert repr(ours) == repr(theirs)
    same_parameters(ours, theirs)
    compare(ours, theirs, [normal(6, 3)])


@pytest.mark.parametrize(
    "options",
    [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True}, {"max_norm": 1.0},
     {"max_norm": 0.8, "norm_type": 1.0, "padding_idx": 0}],
    ids=str,
)  # fmt: skip
def test_embedding(options: dict) -> None:
    theirs, ours = torch.nn.Embedding(6, 3, **options), nn.Embedding(6, 3, **options)
    assert repr(ours) == repr(theirs)
    if "padding_idx" in options:
        assert not ours.weight[options["padding_idx"]].to_numpy().any()
    same_parameters(ours, theirs)
    numbers = np.array([[0, 2, 5, 2], [5, 1, 0, 2]])
    compare(ours, theirs, [numbers])
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-12)


def test_state_dicts_of_pytorch_load() -> None:
    def make(n: Any) -> Any:
        class Net(n.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = n.ModuleList([n.Linear(4, 4) for _ in range(2)])
                self.norms = n.ModuleDict({"a": n.LayerNorm(4), "b": n.BatchNorm1d(4)})
                self.shared = self.body[0]
                self.scale = n.Parameter(self.body[0].weight.detach()[0].clone())
                self.register_buffer("seen", self.scale.detach().clone(), persistent=False)

            def forward(self, x: Any) -> Any:
                for layer in self.body:
                    x = self.norms["b"](self.norms["a"](layer(x)).tanh())
                return self.shared(x) * self.scale

        return Net()

    theirs, ours = make(torch.nn), make(nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]
    same_parameters(ours, theirs)
    again = copy.deepcopy(ours)
    compare(ours, theirs, [normal(5, 4)])
    assert again.shared is again.body[0]
    direct = make(nn).double()
    direct.load_state_dict(theirs.state_dict())  # torch's tensors themselves
    close(direct.scale, theirs.scale)


INITIAL = [
    ("Linear", (50, 40)),
    ("Bilinear", (20, 10, 15)),
    ("Embedding", (60, 40)),
    ("Conv2d", (10, 12, 3)),
    ("PReLU", (5,)),
    ("BatchNorm1d", (7,)),
    ("LayerNorm", (7,)),
    ("GroupNorm", (2, 6)),
]


@pytest.mark.parametrize(("name", "settings"), INITIAL, ids=str)
def test_initial_distributions(name: str, settings: tuple[Any, ...]) -> None:
    rustorch.manual_seed(0)
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, name)(*settings), getattr(nn, name)(*settings)
    for (key, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        x, y = a.detach().numpy(), b.detach().numpy()
        assert x.shape == y.shape, key
        if y.std() == 0:
            np.testing.assert_array_equal(x, y)
            continue
        # uniform: the extremes tell the range, normal: the spread; both are random
        count = x.size
        assert abs(x.std() / y.std() - 1) < 4 / np.sqrt(count), key
        assert abs(np.abs(x).max() / np.abs(y).max() - 1) < 0.35, key
