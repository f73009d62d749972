"""Checkpoints: a resumed run goes on with the same bits."""

import pytest

import rustorch
from rustorch import SerializationError, nn, optim, utils
from rustorch.testing import assert_close


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def run(make):
    rustorch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
    optimizer = make(model.parameters())
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    return model, optimizer, scheduler


def train(parts, steps):
    model, optimizer, scheduler = parts
    losses = []
    for _ in range(steps):
        x = rustorch.rand(16, 4)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_run_is_bit_identical(name, path):
    whole = run(OPTIMIZERS[name])
    expected = train(whole, 7)

    first = run(OPTIMIZERS[name])
    losses = train(first, 3)
    utils.save_checkpoint(
        first[0], first[1], 3, losses[-1], path, scheduler=first[2], extra={"note": [1, "a"]}
    )

    resumed = run(OPTIMIZERS[name])
    rustorch.manual_seed(99)
    found = utils.load_checkpoint(path, *resumed)
    assert (found["epoch"], found["loss"], found["extra"]) == (3, losses[-1], {"note": [1, "a"]})
    assert losses + train(resumed, 4) == expected
    assert_close(dict(resumed[0].state_dict()), dict(whole[0].state_dict()), rtol=0, atol=0)


def test_reading_alone_changes_nothing(path):
    model, optimizer, _ = run(OPTIMIZERS["adam"])
    utils.save_checkpoint(model, optimizer, 1, rustorch.tensor(0.5), path)
    rustorch.rand(5)
    state = rustorch.get_rng_state()
    found = utils.load_checkpoint(path)
    assert rustorch.get_rng_state() == state
    assert found["loss"] == 0.5
    assert_close(found["model"], dict(model.state_dict()))


def test_it_holds_no_device(path):
    model, optimizer, _ = run(OPTIMIZERS["sgd"])
    model.to("reference")
    utils.save_checkpoint(model, optimizer, 1, 0.5, path)
    assert b"reference" not in path.read_bytes()


def test_what_was_not_saved(path):
    model, optimizer, scheduler = run(OPTIMIZERS["sgd"])
    utils.save_checkpoint(model, None, 1, 0.5, path)
    with pytest.raises(rustorch.ArgumentError, match="holds no state of the optimizer"):
        utils.load_checkpoint(path, model, optimizer, scheduler)


def test_other_files(path):
    rustorch.save({}, path)
    with pytest.raises(SerializationError, match="is no checkpoint"):
        utils.load_checkpoint(path)
