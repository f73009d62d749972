"""Migration and failover on a device with streams, late work, poisoned memory and injected faults."""

import warnings

import numpy as np
import pytest

import rustorch
from rustorch import nn, optim
from rustorch.training import Trainer, TrainerConfig

loopback = pytest.importorskip("rustorch_loopback", reason="the loopback backend is not installed")


@pytest.fixture(autouse=True)
def _back_again():
    known = {record.name for record in rustorch.plugins.records() if not record.reason}
    if "loopback" not in known:
        pytest.skip("the loopback backend is not installed")
    yield
    loopback.reset("loopback:1")  # not the first one: tensors of other tests may be there


def build(device):
    rustorch.manual_seed(4)
    with rustorch.device("reference"):
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 2))
    return model.to(device), optim.Adam(model.parameters(), lr=0.02)


def losses(places):
    """Return the losses of steps, each on a place of its own."""
    model, optimizer = build(places[0])
    found = []
    for number, place in enumerate(places):
        rustorch.migrate(model, optimizer, to=place)
        x = rustorch.tensor(
            np.random.default_rng(number).normal(size=(6, 4)).astype(np.float32), device=place
        )
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def test_losses_go_on_between_hostile_devices():
    stayed = losses(["reference"] * 6)
    moved = losses(["loopback:0", "loopback:1", "reference", "loopback:0", "cpu", "loopback:1"])
    np.testing.assert_allclose(moved, stayed, rtol=1e-5)


def test_out_of_memory_at_each_allocation_leaves_everything():
    model, optimizer = build("loopback:0")
    (model(rustorch.ones(2, 4, device="loopback:0"))).sum().backward()
    optimizer.step()
    before = [p.to_numpy().tobytes() for p in model.parameters()]
    number = 0
    while True:
        number += 1
        try:
            with loopback.inject(out_of_memory_at=number, device="loopback:1"):
                rustorch.migrate(model, optimizer, to="loopback:1")
        except rustorch.OutOfMemoryError:
            assert {str(p.device) for p in model.parameters()} == {"loopback:0"}
            assert [p.to_numpy().tobytes() for p in model.parameters()] == before
            continue
        break
    assert number == 4 * 4 + 1  # parameters, their gradients and two slots each
    assert [p.to_numpy().tobytes() for p in model.parameters()] == before


@pytest.mark.parametrize("share", [0.3, 0.55, 0.9])
def test_a_run_survives_the_loss_of_its_device(share):
    x = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)

    def train(number):
        model, optimizer = build("loopback:1")
        trainer = Trainer(
            TrainerConfig(epochs=2, batch_size=4), verbose=False, fallback="reference", snapshot_every=2
        )
        losing = loopback.inject(lose_device_at=number, device="loopback:1")
        with warnings.catch_warnings(), losing as seen:
            warnings.simplefilter("ignore", RuntimeWarning)
            history = trainer.train(model, (x, y), optimizer=optimizer, loss="cross_entropy")
        return history, seen

    expected, seen = train(0)
    found, _ = train(int(seen.kernels * share))
    assert not expected.fallbacks()
    assert len(found.fallbacks()) == 1
    np.testing.assert_allclose(found.train_loss(), expected.train_loss(), rtol=1e-6)
