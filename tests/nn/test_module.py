"""Modules: members, walking, modes, moving, hooks, copies and text."""

import copy
import pickle

import numpy as np
import pytest

import rustorch
from rustorch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)
        self.scale = nn.Parameter(rustorch.ones(2))
        self.register_buffer("seen", rustorch.zeros(1))
        self.register_buffer("scratch", rustorch.zeros(1), persistent=False)

    def forward(self, x):
        return self.second(self.first(x).relu()) * self.scale


class Forgetful(nn.Module):
    def __init__(self):  # without super().__init__()
        self.layer = nn.Linear(2, 2)


def test_members():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "scale", "first.weight", "first.bias", "second.weight", "second.bias",
    ]  # fmt: skip
    assert [n for n, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "second"]
    assert list(net.children()) == [net.first, net.second]
    assert list(net.state_dict()) == [
        "scale",
        "seen",
        "first.weight",
        "first.bias",
        "second.weight",
        "second.bias",
    ]
    assert net.get_submodule("first") is net.first
    assert net.get_parameter("first.weight") is net.first.weight
    assert net.get_buffer("seen") is net.seen
    assert net.first.weight() is net.first.weight
    assert [n for n, _ in Forgetful().named_parameters()] == ["layer.weight", "layer.bias"]


def test_reassignment():
    net = Net()
    net.scale = nn.Parameter(rustorch.zeros(2))
    assert dict(net.named_parameters())["scale"] is net.scale
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    net.seen = rustorch.ones(3)
    assert dict(net.named_buffers())["seen"] is net.seen
    del net.first
    assert not hasattr(net, "first")
    assert [n for n, _ in net.named_children()] == ["second"]
    net.second = nn.Parameter(rustorch.ones(1))
    assert not list(net.children())
    net.marked = nn.Buffer(rustorch.ones(1), persistent=False)
    assert "marked" in dict(net.named_buffers())
    assert "marked" not in net.state_dict()


@pytest.mark.parametrize(
    ("action", "error", "text"),
    [
        (lambda n: setattr(n, "scale", 3), TypeError, "Net.scale: a Parameter or None is required, got int"),
        (lambda n: setattr(n, "first", 3), TypeError, "Net.first: a Module or None is required, got int"),
        (lambda n: setattr(n, "seen", 3), TypeError, "Net.seen: a Tensor or None is required, got int"),
        (lambda n: n.register_buffer("a.b", None), ValueError, "must not be empty or contain a dot"),
        (lambda n: n.register_buffer("forward", None), ValueError, "already has an attribute 'forward'"),
        (lambda n: n.register_parameter("p", rustorch.ones(1)), TypeError, "a Parameter or None is required"),
        (
            lambda n: n.register_buffer("p", 1),
            TypeError,
            "register_buffer: a tensor or None is required, got int",
        ),
        (lambda n: n.add_module("p", 1), TypeError, "add_module: a Module or None is required, got int"),
        (lambda n: n.get_submodule("x.y"), AttributeError, "Net has no submodule 'x.y'"),
        (lambda n: n.get_parameter("first.x"), AttributeError, "Net has no parameter 'first.x'"),
        (lambda n: n.to("int32"), ValueError, "a floating-point or complex dtype is required"),
        (lambda n: n.train(1), TypeError, "train: True or False is required"),
        (lambda n: n.register_forward_hook(1), TypeError, "a callable is required"),
        (lambda n: n.load_state_dict([]), TypeError, "load_state_dict: a dict is required, got list"),
        (lambda n: nn.Module()(1), NotImplementedError, "Module: forward is not defined"),
        (lambda n: nn.Parameter([1.0]), TypeError, "Parameter: a tensor is required, got list"),
        (lambda n: nn.Parameter(rustorch.arange(2)), RuntimeError, "only floating-point and complex"),
    ],
)
def test_errors(action, error, text):
    with pytest.raises(error, match=text) as caught:
        action(Net())
    if error is not NotImplementedError:
        assert isinstance(caught.value, rustorch.RusTorchError)


def test_load_state_dict_says_everything_that_does_not_fit_and_changes_nothing():
    net = Net()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    state = {k: v + 1 for k, v in before.items()}
    state["first.weight"] = rustorch.ones(1, 2)
    del state["scale"]
    state["other"] = rustorch.ones(1)
    with pytest.raises(rustorch.TensorError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert "the state does not fit Net" in text
    assert "missing keys: 'scale'" in text
    assert "unexpected keys: 'other'" in text
    assert "size mismatch for first.weight: the module has shape (4, 3), the state has (1, 2)" in text
    for key, value in net.state_dict().items():
        assert bool((value == before[key]).all())


def test_load_state_dict():
    net, other = Net(), Net()
    assert repr(net.load_state_dict(other.state_dict())) == "<All keys matched successfully>"
    weight = net.first.weight
    keys = net.load_state_dict({"first.bias": np.ones(4), "x": rustorch.ones(1)}, strict=False)
    assert keys.unexpected_keys == ["x"]
    assert len(keys.missing_keys) == 5
    assert net.first.weight is weight
    assert net.first.bias.dtype is rustorch.float32
    assert net.first.bias.tolist() == [1.0] * 4
    net.load_state_dict({"first.bias": rustorch.zeros(4, dtype="float64")}, strict=False, assign=True)
    assert net.first.bias.dtype is rustorch.float64
    assert isinstance(net.first.bias, nn.Parameter)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def get_extra_state(self):
        return self.count

    def set_extra_state(self, state):
        self.count = state


def test_extra_state():
    net = nn.Sequential(Counting())
    net[0].count = 5
    state = net.state_dict()
    assert state == {"0._extra_state": 5}
    fresh = nn.Sequential(Counting())
    fresh.load_state_dict(state)
    assert fresh[0].count == 5


def test_modes_and_gradients():
    net = Net()
    net.eval()
    assert not net.second.training
    assert net.train() is net
    assert net.second.training
    net(rustorch.ones(2, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert net.scale.grad is None
    net.requires_grad_(False)
    assert not net(rustorch.ones(2, 3)).requires_grad
    visited = []
    net.apply(visited.append)
    assert visited == [net.first, net.second, net]


@pytest.mark.parametrize("device", sorted({rustorch.get_default_device().type, "reference"}))
def test_moving_keeps_the_objects(device):
    net = Net()
    net.register_buffer("count", rustorch.tensor(3))
    parameters, buffers = list(net.parameters()), list(net.buffers())
    net(rustorch.ones(2, 3)).sum().backward()
    net.to(device, rustorch.float64)
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))
    assert all(a is b for a, b in zip(net.buffers(), buffers, strict=True))
    assert {p.dtype for p in parameters} == {rustorch.float64}
    assert {p.grad.device for p in parameters} == {rustorch.device(device)}
    assert net.count.dtype is rustorch.int64
    out = net(rustorch.ones(2, 3, dtype="float64", device=device))
    assert out.device == rustorch.device(device)
    assert net.half().scale.dtype is rustorch.float16
    assert net.bfloat16().scale.dtype is rustorch.bfloat16
    assert net.float().cpu().scale.dtype is rustorch.float32


def test_shared_parameters_move_and_count_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    net.double()
    assert net[1].weight is net[0].weight
    assert copy.deepcopy(net)[1].weight is not net[0].weight
    again = copy.deepcopy(net)
    assert again[1].weight is again[0].weight


def test_copies():
    net = Net()
    x = rustorch.ones(2, 3)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), copy.copy(net)):
        assert bool((other(x) == net(x)).all())
        assert [n for n, _ in other.named_parameters()] == [n for n, _ in net.named_parameters()]
        assert "scratch" not in other.state_dict()
        assert isinstance(other.scale, nn.Parameter)
    shallow = copy.copy(net)
    shallow.scale = None
    assert net.scale is not None


def test_forward_hooks():
    net = nn.Linear(2, 2)
    x = rustorch.ones(1, 2)
    plain = net(x)
    calls = []
    pre = net.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    after = net.register_forward_hook(lambda m, args, out: calls.append((args[0].tolist(), out.shape)))
    doubled = net.register_forward_hook(lambda m, args, kwargs, out: out + 1, with_kwargs=True, prepend=True)
    expected = rustorch.nn.functional.linear(x * 2, net.weight, net.bias) + 1
    assert bool((net(x) == expected).all())
    assert calls == [([[2.0, 2.0]], (1, 2))]
    for handle in (pre, after, doubled):
        handle.remove()
    assert bool((net(x) == plain).all())
    with net.register_forward_pre_hook(lambda m, a, k: ((x,), {}), with_kwargs=True):
        assert bool((net(rustorch.zeros(1, 2)) == plain).all())
    failed = []
    net.register_forward_hook(lambda m, a, out: failed.append(out), always_call=True)
    with pytest.raises(rustorch.ShapeError):
        net(rustorch.ones(3))
    assert failed == [None]


def test_backward_hooks():
    net = nn.Linear(2, 3)
    seen = []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi[0], go[0])))
    net.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    x = rustorch.ones(4, 2, requires_grad=True)
    net(x).sum().backward()
    ((grad_input, grad_output),) = seen
    assert grad_output.tolist() == [[2.0] * 3] * 4
    assert bool((grad_input == x.grad).all())
    np.testing.assert_allclose(net.bias.grad.to_numpy(), [8.0] * 3)
    replaced = nn.Linear(2, 3)
    replaced.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0,))
    y = rustorch.ones(4, 2, requires_grad=True)
    replaced(y).sum().backward()
    assert not y.grad.to_numpy().any()
    without = nn.Linear(2, 3)
    arrived = []
    without.register_full_backward_hook(lambda m, gi, go: arrived.append(len(gi)))
    without(rustorch.ones(1, 2)).sum().backward()
    assert arrived == [0]


def test_state_dict_hooks():
    net = nn.Linear(1, 1)
    net.register_state_dict_post_hook(lambda m, state, prefix, _: state.pop(f"{prefix}bias"))
    assert list(net.state_dict()) == ["weight"]
    net.register_load_state_dict_pre_hook(
        lambda m, state, prefix, *_: state.update({f"{prefix}bias": np.zeros(1)})
    )
    told = []
    net.register_load_state_dict_post_hook(lambda m, keys: told.append(keys))
    net.load_state_dict({"weight": np.ones((1, 1))})
    assert told == [([], [])]
    assert net.bias.tolist() == [0.0]
