"""What all optimizers share: groups, checks, checkpoints, hooks."""

import copy
import io
import pickle

import pytest

import rustorch
from rustorch import optim

NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"]


def leaf(*values, **options):
    return rustorch.tensor(list(values), requires_grad=True, **options)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ([], rustorch.ArgumentError, "SGD: there are no parameters to optimize"),
        (iter(()), rustorch.ArgumentError, "there are no parameters"),
        (rustorch.ones(2), rustorch.ArgumentTypeError, "tensors or dictionaries is required, got a tensor"),
        (3, rustorch.ArgumentTypeError, "an iterable of tensors or dictionaries is required, got int"),
        ([1.0], rustorch.ArgumentTypeError, "only tensors can be optimized, got float"),
        ({rustorch.ones(1)}, rustorch.ArgumentTypeError, "parameters need an order"),
        ([{"lr": 1.0}], rustorch.ArgumentError, "must have the key 'params'"),
    ],
)  # fmt: skip
def test_wrong_parameters(params, error, text):
    with pytest.raises(error, match=text):
        optim.SGD(params, lr=0.1)


def test_a_tensor_that_is_no_leaf():
    x = leaf(1.0)
    with pytest.raises(
        rustorch.AutogradError,
        match=r"Adam: only leaf tensors can be optimized, got the result of MulBackward",
    ):
        optim.Adam([x * 2])


def test_a_parameter_twice():
    x = leaf(1.0)
    with pytest.raises(rustorch.ArgumentError, match="a parameter occurs twice"):
        optim.SGD([x, x])
    with pytest.raises(rustorch.ArgumentError, match="a parameter occurs twice"):
        optim.SGD([{"params": x}, {"params": [x]}])


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("SGD", {"lr": -1.0}, "SGD: lr must be at least 0 and finite, got -1.0"),
        ("SGD", {"lr": "fast"}, "SGD: lr must be a number, got str"),
        ("SGD", {"momentum": -0.1}, "momentum must be at least 0"),
        ("SGD", {"weight_decay": float("nan")}, "weight_decay must be at least 0"),
        ("SGD", {"nesterov": True}, "nesterov needs a momentum above 0 and no dampening, got 0 and 0"),
        ("SGD", {"differentiable": True}, "differentiable=True is not supported"),
        ("Adam", {"betas": (0.9, 1.0)}, r"Adam: betas\[1\] must be at least 0 and below 1, got 1.0"),
        ("Adam", {"betas": 0.9}, "betas must be a pair of numbers, got 0.9"),
        ("Adam", {"eps": -1e-8}, "eps must be at least 0"),
        ("AdamW", {"weight_decay": -1}, "AdamW: weight_decay must be at least 0"),
        ("RMSprop", {"alpha": -1}, "RMSprop: alpha must be at least 0"),
        (
            "Adagrad",
            {"initial_accumulator_value": -1},
            "Adagrad: initial_accumulator_value must be at least 0",
        ),
    ],
)
def test_wrong_options(name, options, text):
    with pytest.raises((ValueError, TypeError), match=text) as error:
        getattr(optim, name)([leaf(1.0)], **options)
    assert isinstance(error.value, rustorch.RusTorchError)


def test_options_of_a_group_are_checked_too():
    with pytest.raises(rustorch.ArgumentError, match="lr must be at least 0"):
        optim.SGD([{"params": [leaf(1.0)], "lr": -1}], lr=0.1)


def test_an_option_without_default():
    with pytest.raises(rustorch.ArgumentError, match="must give the option 'lr'"):
        optim.Optimizer([leaf(1.0)], {"lr": optim.optimizer.required})


def test_groups_by_name():
    w, b = leaf(1.0), leaf(2.0)
    optimizer = optim.SGD([("weight", w), ("bias", b)], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"] == [w, b]
    optimizer.add_param_group({"params": leaf(3.0), "lr": 0.5})
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]


@pytest.mark.parametrize("name", NAMES)
def test_a_step_changes_only_what_has_a_gradient(name):
    x, y = leaf(1.0, 2.0), leaf(3.0)
    optimizer = getattr(optim, name)([x, y], lr=0.1)
    (x * x).sum().backward()
    versions = x._version, y._version
    optimizer.step()
    assert y.tolist() == [3.0]
    assert y._version == versions[1]
    assert x._version > versions[0]
    assert x.requires_grad
    assert x.is_leaf
    assert all(a < b for a, b in zip(x.tolist(), [1.0, 2.0], strict=True))


def test_a_tensor_saved_before_the_step_is_noticed():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    optim.Adam([x]).step()
    with pytest.raises(rustorch.AutogradError, match="was changed by an in-place operation"):
        loss.backward()


def test_zero_grad():
    x = leaf(1.0)
    optimizer = optim.SGD([x])
    x.grad = rustorch.ones(1)
    gradient = x.grad
    optimizer.zero_grad(set_to_none=False)
    assert x.grad is gradient
    assert gradient.tolist() == [0.0]
    optimizer.zero_grad()
    assert x.grad is None


def test_closure():
    x = leaf(2.0)
    optimizer = optim.SGD([x], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with rustorch.no_grad():  # the closure is recorded nevertheless
        assert optimizer.step(closure).item() == 4.0
    assert x.tolist() == [1.0]


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints(name):
    def train(optimizer, x, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            ((x - 3) ** 2).sum().backward()
            optimizer.step()

    make = getattr(optim, name)
    x = leaf(1.0, -1.0)
    optimizer = make([x], lr=0.05)
    train(optimizer, x, 3)
    y = x.detach().clone().requires_grad_()
    resumed = make([y], lr=0.7)
    saved = pickle.loads(pickle.dumps(optimizer.state_dict()))
    resumed.load_state_dict(saved)
    assert resumed.param_groups[0]["lr"] == 0.05
    train(optimizer, x, 3)
    train(resumed, y, 3)
    assert x.tolist() == y.tolist()
    assert saved["param_groups"][0]["params"] == [0]


def test_wrong_checkpoints():
    x, y = leaf(1.0), leaf(2.0)
    saved = optim.SGD([x]).state_dict()
    with pytest.raises(rustorch.ArgumentError, match="group 0 has 2 parameters, got 1"):
        optim.SGD([x, y]).load_state_dict(saved)
    with pytest.raises(rustorch.ArgumentError, match="2 parameter groups are required, got 1"):
        optim.SGD([{"params": x}, {"params": y}]).load_state_dict(saved)
    with pytest.raises(rustorch.ArgumentError, match="the key 'param_groups' is required"):
        optim.SGD([x]).load_state_dict({"state": {}})
    saved["param_groups"][0]["lr"] = -1
    optimizer = optim.SGD([x], lr=0.1)
    with pytest.raises(rustorch.ArgumentError, match="lr must be at least 0"):
        optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.1  # nothing was taken over


def test_hooks():
    calls = []
    x = leaf(1.0)
    x.grad = rustorch.ones(1)
    optimizer = optim.SGD([x], lr=0.5)
    handles = [
        optimizer.register_step_pre_hook(lambda _o, args, kwargs: calls.append(("pre", args, kwargs))),
        optimizer.register_step_post_hook(lambda *_: calls.append("post")),
        optimizer.register_state_dict_pre_hook(lambda _o: calls.append("saving")),
        optimizer.register_state_dict_post_hook(lambda _o, state: {**state, "more": 1}),
        optimizer.register_load_state_dict_pre_hook(
            lambda _o, state: {k: v for k, v in state.items() if k != "more"}
        ),
        optimizer.register_load_state_dict_post_hook(lambda _o: calls.append("loaded")),
    ]
    optimizer.step()
    assert calls == [("pre", (), {}), "post"]
    saved = optimizer.state_dict()
    assert saved["more"] == 1
    optimizer.load_state_dict(saved)
    assert calls[2:] == ["saving", "loaded"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(calls) == 4


def test_hooks_run_once_where_a_subclass_calls_the_step_above_it():
    calls = []

    class Counting(optim.SGD):
        def step(self, closure=None):
            calls.append("own")
            return super().step(closure)

    optimizer = Counting([leaf(1.0)])
    optimizer.register_step_pre_hook(lambda *_: calls.append("pre"))
    optimizer.step()
    assert calls == ["pre", "own"]


def test_copies_and_pickles():
    x = leaf(1.0)
    x.grad = rustorch.ones(1)
    optimizer = optim.Adam([x], lr=0.1)
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.load(io.BytesIO(pickle.dumps(optimizer)))):
        (y,) = other.param_groups[0]["params"]
        y.grad = rustorch.ones(1)
        other.step()
        assert y.tolist() == pytest.approx([0.8])
    assert x.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("name", NAMES)
def test_slots_follow_a_parameter_to_another_device(name):
    def run(*, move):
        x = rustorch.tensor([1.0, -2.0], dtype="float64", requires_grad=True)
        options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
        optimizer = getattr(optim, name)([x], lr=0.1, **options)
        for step in range(6):
            if move and step == 3:
                x.data = x.data.to("reference")
                x.grad = None
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
        return x

    stayed, moved = run(move=False), run(move=True)
    assert str(moved.device) == "reference:0"
    assert moved.tolist() == pytest.approx(stayed.tolist(), rel=1e-12)


def test_repr():
    assert repr(optim.Adagrad([leaf(1.0)], lr=0.5)) == (
        "Adagrad (\nParameter Group 0\n    differentiable: False\n    eps: 1e-10\n    foreach: None\n    fused: None\n"
        "    initial_accumulator_value: 0\n    lr: 0.5\n    lr_decay: 0\n    maximize: False\n    weight_decay: 0\n)"
    )
