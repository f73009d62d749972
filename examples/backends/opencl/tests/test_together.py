"""Several strangers' devices in one process, and `cpu` with them."""

from importlib import metadata

import numpy as np
import pytest

import rustorch
from rustorch.plugins import ENTRY_POINT_GROUP

OURS = {"cpu", "reference", "opencl"}


def others():
    """Return devices of other installed plugins that can run here."""
    found = []
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP):
        if entry.name in OURS:
            continue
        for backend in entry.load().rustorch_backends():
            try:
                rustorch.ones(1, device=backend.name).item()
            except rustorch.DeviceError:
                continue
            found.append(backend.name)
    return found


def test_a_model_moves_from_device_to_device_while_it_learns(device):
    strangers = others()
    if not strangers:
        pytest.skip("no backend of another package is installed; pip install rustorch-torch or rustorch-mlx")
    road = ["cpu", str(device), *strangers]
    x = np.random.default_rng(0).normal(size=(32, 5)).astype(np.float32)

    def train(places):
        rustorch.manual_seed(0)
        with rustorch.device("cpu"):
            model = rustorch.nn.Sequential(
                rustorch.nn.Linear(5, 8), rustorch.nn.Tanh(), rustorch.nn.Linear(8, 1)
            )
        found = []
        for place in places:
            model.to(place)
            data = rustorch.tensor(x, device=place)
            optimizer = rustorch.optim.SGD(model.parameters(), lr=0.1)
            for _ in range(3):
                loss = ((model(data) - data.sum(1, keepdim=True)) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                found.append(loss.item())
        return found

    np.testing.assert_allclose(train(road), train(["cpu"] * len(road)), rtol=1e-4)


def test_work_on_two_devices_at_once_stays_apart(device):
    strangers = others()
    if not strangers:
        pytest.skip("no backend of another package is installed; pip install rustorch-torch or rustorch-mlx")
    a = rustorch.arange(1000, dtype="float32", device=device)
    b = rustorch.arange(1000, dtype="float32", device=strangers[0])
    for _ in range(20):
        a, b = a + 1, b * 1
        a, b = b.to(device), a.to(strangers[0])
    assert a.sum().item() + b.sum().item() == 2 * 499_500 + 20_000
    with pytest.raises(rustorch.DeviceError, match="all tensors must be on one device"):
        a + b
