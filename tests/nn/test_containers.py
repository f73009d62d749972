"""Modules that hold others, and lazy modules."""

import copy
import pickle

import pytest

import rustorch
from rustorch import nn


def layers(count):
    return [nn.Linear(2, 2) for _ in range(count)]


def test_sequential():
    a, b, c = layers(3)
    net = nn.Sequential(a, b)
    net.append(c)
    assert len(net) == 3
    assert net[0] is a
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert isinstance(net[1:], nn.Sequential)
    del net[0]
    assert next(iter(net.state_dict())) == "0.weight"
    assert list(net) == [b, c]
    net.insert(0, a)
    net[1] = nn.Identity()
    assert [type(m).__name__ for m in net] == ["Linear", "Identity", "Linear"]
    net += layers(1)
    assert len(net + nn.Sequential(a)) == 5
    assert net.pop() is not a
    named = nn.Sequential({"in": a, "out": b})
    assert list(named.state_dict()) == ["in.weight", "in.bias", "out.weight", "out.bias"]
    assert named[1] is b
    with pytest.raises(IndexError, match="Sequential: index 5 is out of range for 2 modules"):
        named[5]


def test_module_list_and_dict():
    a, b, c = layers(3)
    held = nn.ModuleList([a, b])
    held.extend([c])
    assert list(held) == [a, b, c]
    assert held[:2][1] is b
    assert c in held
    assert repr(held) == ("ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n)")
    with pytest.raises(NotImplementedError, match="ModuleList: forward is not defined"):
        held(1)
    with pytest.raises(TypeError, match="a Module or None is required, got int"):
        held.append(3)
    named = nn.ModuleDict({"a": a})
    named["b"] = b
    assert list(named.items()) == [("a", a), ("b", b)]
    assert named.pop("a") is a
    assert "a" not in named
    with pytest.raises(TypeError, match="update: a mapping or pairs are required, got int"):
        named.update(3)


def test_parameter_list_and_dict():
    held = nn.ParameterList([rustorch.ones(2), nn.Parameter(rustorch.zeros(1))])
    assert [tuple(p.shape) for p in held] == [(2,), (1,)]
    assert all(isinstance(p, nn.Parameter) for p in held)
    assert [n for n, _ in held.named_parameters()] == ["0", "1"]
    held[0] = rustorch.zeros(3)
    assert tuple(held[0].shape) == (3,)
    with pytest.raises(IndexError, match="ParameterList: index 7 is out of range for 2 parameters"):
        held[7]
    named = nn.ParameterDict({"a": rustorch.ones(2)})
    assert list(named) == ["a"]
    assert "(a): Parameter of shape (2,), float32" in repr(named)
    with pytest.raises(TypeError, match="a parameter or tensor is required, got int"):
        named["b"] = 3


LAZY = [
    (lambda: nn.LazyLinear(3), (4, 5), "Linear(in_features=5, out_features=3, bias=True)"),
    (lambda: nn.LazyLinear(3, bias=False), (5,), "Linear(in_features=5, out_features=3, bias=False)"),
    (nn.LazyBatchNorm1d, (4, 5), repr(nn.BatchNorm1d(5))),
    (lambda: nn.LazyBatchNorm2d(affine=False), (2, 5, 3, 3), repr(nn.BatchNorm2d(5, affine=False))),
    (nn.LazyBatchNorm3d, (2, 5, 2, 2, 2), repr(nn.BatchNorm3d(5))),
]


@pytest.mark.parametrize(("make", "shape", "text"), LAZY)
def test_lazy_layers(make, shape, text):
    layer = make()
    parameters = list(layer.parameters())
    x = rustorch.randn(shape)
    layer(x)
    assert repr(layer) == text
    assert all(
        a is b and type(b) is nn.Parameter for a, b in zip(layer.parameters(), parameters, strict=True)
    )
    fresh = make()
    fresh.load_state_dict(layer.state_dict())
    assert bool((fresh.eval()(x) == layer.eval()(x)).all())
    assert repr(fresh) == text


def test_lazy_layers_before_their_first_input():
    layer = nn.Sequential(nn.LazyLinear(3))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.double()):
        assert isinstance(copied[0].weight, nn.UninitializedParameter)
    assert repr(layer[0].weight) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="its shape is not known before the first forward"):
        layer[0].weight.shape
    assert layer(rustorch.ones(2, 4, dtype="float64")).dtype is rustorch.float64
    assert layer[0].weight.requires_grad
