"""Models learn as on the reference backend: the same losses, to rounding."""

import numpy as np
import pytest

import rustorch
from rustorch import nn
from rustorch.nn import functional as F

STEPS = 6


def losses(device, make, batch):
    """Return the losses of a few steps of Adam; `batch(step)` gives NumPy arrays (inputs, classes)."""
    with rustorch.device(device):
        rustorch.manual_seed(0)
        model = make()
        optimizer = rustorch.optim.AdamW(model.parameters(), lr=3e-3)
        found = []
        for step in range(STEPS):
            x, y = (rustorch.tensor(a) for a in batch(step))
            scores = model(x)
            loss = F.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2)
        )
        self.head = nn.Linear(8 * 3 * 3, 10)

    def forward(self, x):
        return self.head(self.body(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
        self.head = nn.Linear(16, 20)

    def forward(self, x):
        return self.head(self.layer(self.embedding(x)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 12)
        self.lstm = nn.LSTM(12, 16, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


def digits(step):
    from sklearn.datasets import load_digits

    data = load_digits()
    rows = slice(16 * step, 16 * (step + 1))
    return (data.images[rows].astype(np.float32) / 8 - 1)[:, None], data.target[rows].astype(np.int64)


def words(step):  # the same ones in every step
    text = np.random.default_rng(0).integers(0, 20, (4, 9))
    return text[:, :-1].astype(np.int64), text[:, 1:].astype(np.int64)


@pytest.mark.parametrize(("make", "batch"), [(ConvNet, digits), (Transformer, words), (Recurrent, words)])
def test_losses_are_those_of_the_reference(device, make, batch):
    if batch is digits:
        pytest.importorskip("sklearn")
    found, expected = losses(device, make, batch), losses("reference", make, batch)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    assert found[-1] < found[0]
