"""Three small networks with real or synthetic data, each a function from a device to losses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits

import rustorch
from rustorch import nn, optim
from rustorch.nn import functional as F

STEPS = 8
TEXT = "the quick brown fox jumps over the lazy dog. " * 4


class DigitsCNN(nn.Module):
    """Convolutions, batch normalization, pooling and dropout on 8x8 images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(16 * 2 * 2, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.out(self.drop(x))


class CharTransformer(nn.Module):
    """One block of causal attention over characters."""

    def __init__(self, symbols, width=32, length=16):
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.place = nn.Embedding(length, width)
        self.block = nn.TransformerEncoderLayer(
            width, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.out = nn.Linear(width, symbols)

    def forward(self, x):
        length = x.shape[1]
        h = self.embed(x) + self.place(rustorch.arange(length, device=x.device))
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=x.device)
        return self.out(self.block(h, src_mask=mask))


class CharLSTM(nn.Module):
    """An LSTM over characters."""

    def __init__(self, symbols, width=24):
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.cells = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, symbols)

    def forward(self, x):
        return self.out(self.cells(self.embed(x))[0])


def digits():
    """Return batches of images (32, 1, 8, 8) and labels (32,)."""
    data = load_digits()
    images = (data.images.astype(np.float32) / 8 - 1)[:, None]
    return [
        (images[32 * i : 32 * i + 32], data.target[32 * i : 32 * i + 32].astype(np.int64))
        for i in range(STEPS)
    ]


def characters():
    """Return batches of characters (8, 16), and the ones that follow."""
    symbols = sorted(set(TEXT))
    numbers = np.array([symbols.index(c) for c in TEXT])
    starts = np.random.default_rng(0).integers(0, len(numbers) - 17, (STEPS, 8, 1)) + np.arange(17)
    return len(symbols), [(numbers[rows][:, :-1], numbers[rows][:, 1:]) for rows in starts]


def make(name: str) -> tuple[Callable[[], nn.Module], list]:
    """Return what makes a model, and its batches."""
    if name == "cnn":
        return DigitsCNN, digits()
    symbols, batches = characters()
    kind = CharTransformer if name == "transformer" else CharLSTM
    return lambda: kind(symbols), batches


def losses(name: str, device: str, swap: dict[int, str] | None = None) -> list[float]:
    """Train a network by Adam; `swap` says before which steps to move everything to another device."""
    model_of, batches = make(name)
    with rustorch.device(device):
        rustorch.manual_seed(0)
        model = model_of()
        optimizer = optim.AdamW(model.parameters(), lr=3e-3)
    found = []
    for step, (inputs, targets) in enumerate(batches):
        if swap and step in swap:
            device = swap[step]
            rustorch.migrate(model, optimizer, to=device)
        x, y = (rustorch.tensor(values, device=device) for values in (inputs, targets))
        loss = F.cross_entropy(model(x).flatten(0, -2), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found
