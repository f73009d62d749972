"""Small models that train for some steps, with dropout, and how far apart two right runs of them may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

import rustorch
from rustorch import nn
from rustorch.device import Device
from rustorch.nn import functional as F
from rustorch.ops.creation import tensor
from rustorch.testing.conformance.subjects import ORACLE

Array = np.ndarray[Any, Any]
STEPS = 20

#: How many runs from rounded starting points say how far apart right runs are, and the factor on their spread.
_NEIGHBOURS = 3
_FACTOR = 16.0


class Task:
    """A model with its data: ``loss()`` of the next batch.  It starts on the default device of its making."""

    def __init__(
        self, model: Any, batch: Callable[[np.random.Generator], tuple[Array, Array]], lr: float
    ) -> None:
        self.model, self.lr = model, lr
        self._batch = batch

    def parameters(self) -> list[Any]:
        """Return the parameters of the model."""
        return list(self.model.parameters())

    def loss(self, step: int, device: Device) -> Any:
        """Return the cross-entropy on the batch of a step."""
        x, y = self._batch(np.random.default_rng(step))
        scores = self.model(tensor(x, device=device))
        return F.cross_entropy(scores, tensor(y, device=device))


def _points(rng: np.random.Generator) -> tuple[Array, Array]:
    y = rng.integers(0, 3, 32)
    return (rng.standard_normal((32, 8)) + y[:, None] * np.linspace(-1, 1, 8)).astype(np.float32), y


def _images(rng: np.random.Generator) -> tuple[Array, Array]:
    y = rng.integers(0, 3, 16)
    x = rng.standard_normal((16, 1, 8, 8)) * 0.5
    x[np.arange(16), 0, y * 2] += 1.5  # the class is the bright row
    return x.astype(np.float32), y


def _sentences(rng: np.random.Generator) -> tuple[Array, Array]:
    x = rng.integers(0, 7, (16, 6))
    return x, x[:, 0] % 3


class _Transformer(nn.Module):
    def __init__(self) -> None:
        self.embedding = nn.Embedding(7, 12)
        self.place = nn.Parameter(rustorch.randn(6, 12) * 0.1)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.inner = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, 12))
        self.head = nn.Linear(12, 3)

    def forward(self, tokens: Any) -> Any:
        x = self.embedding(tokens) + self.place
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = x + self.inner(self.norm(x))
        return self.head(x.mean(1))


def _perceptron() -> Task:
    layers = [nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3)]
    return Task(nn.Sequential(*layers), _points, 0.01)


def _convolutional() -> Task:
    layers = [
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3), nn.SiLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(32, 3),
    ]  # fmt: skip
    return Task(nn.Sequential(*layers), _images, 0.01)


def _transformer() -> Task:
    return Task(_Transformer(), _sentences, 0.02)


def _seeded(make: Callable[[], Task]) -> Callable[[], Task]:
    def made() -> Task:
        rustorch.manual_seed(0)
        with rustorch.device(ORACLE):
            return make()

    return made


#: name -> makes the task, the same one every time.
TASKS: dict[str, Callable[[], Task]] = {
    "perceptron": _seeded(_perceptron),
    "convolutional network": _seeded(_convolutional),
    "transformer": _seeded(_transformer),
}


def train(task: Task, device: Device, visits: Mapping[int, Device] | None = None) -> Array:
    """Train a task on a device and return its losses.

    Args:
        task: its model is moved to the device.
        device: where it starts.
        visits: step -> the device that model and optimizer move to before it.
    """
    rustorch.manual_seed(1)
    task.model.to(device)
    optimizer = rustorch.optim.Adam(task.parameters(), lr=task.lr)
    losses = []
    for step in range(STEPS):
        if visits and step in visits:
            device = visits[step]
            kept = optimizer.state_dict()
            task.model.to(device)
            optimizer = rustorch.optim.Adam(task.parameters(), lr=task.lr)
            optimizer.load_state_dict(kept)
        loss = task.loss(step, device)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


@cache
def allowed_curve(name: str, reference: Device) -> tuple[Array, Array]:
    """Return the reference's losses of a task, and how far from each a right run may be.

    Another right device rounds differently.  That is as if every parameter had been off by about one
    rounding at the start, so runs of the reference from such starting points show how far losses come
    apart by a step: 16 times the largest distance so far, and 16 roundings of the loss, are allowed.
    """
    expected = train(TASKS[name](), reference)
    apart = np.zeros(STEPS)
    for number in range(_NEIGHBOURS):
        task = TASKS[name]()
        rng = np.random.default_rng(number)
        with rustorch.no_grad():
            for p in task.parameters():
                factors = 1 + 2.0**-23 * rng.standard_normal(tuple(p.shape))
                p.mul_(tensor(factors.astype(np.float32), device=p.device))
        apart = np.maximum(apart, np.abs(train(task, reference) - expected))
    return expected, _FACTOR * (np.maximum.accumulate(apart) + 2.0**-23 * np.abs(expected))
