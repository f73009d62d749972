"""Change the hardware in the middle of training; the losses go on as if nothing had happened.

Half of the training runs on one device, the other half on another (by default this machine's ``cpu``
backend and the ``reference`` backend in NumPy).  Before that, a plan says what the second device will do
with each op; then model and optimizer move in one transaction, and random numbers need no moving.
Run:  python examples/swap_hardware.py [--first cpu] [--second reference]
"""

from __future__ import annotations

import argparse

import numpy as np

import rustorch
from rustorch import nn, optim
from rustorch.nn import functional as F

STEPS = 200


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return 256 points on two noisy spirals and their labels."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0.5, 2 * np.pi, 256)
    label = np.arange(256) % 2
    sign = 1 - 2 * label
    points = np.stack([np.cos(angle) * angle * sign, np.sin(angle) * angle * sign], 1) / 3
    return (points + rng.normal(0, 0.02, points.shape)).astype(np.float32), label.astype(np.int64)


def build(device: str) -> tuple[nn.Module, optim.Optimizer]:
    """Return the model, with its parameters on a device, and its optimizer."""
    rustorch.manual_seed(0)
    with rustorch.device(device):
        model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 2))
    return model, optim.Adam(model.parameters(), lr=0.02)


def look_ahead(first: str, second: str) -> None:
    """Say what the second device will do with a step; nothing runs there."""
    points, labels = data()
    model, optimizer = build(first)
    target = rustorch.tensor(labels, device=first)
    plan = rustorch.plan(
        model, points, second, optimizer=optimizer, loss=lambda scores: F.cross_entropy(scores, target)
    )
    print(str(plan).splitlines()[0])
    if plan.missing:
        raise SystemExit(f"{second} lacks {', '.join(plan.names('missing'))}")


def train(devices: list[str]) -> list[float]:
    """Return the losses of a run that spends an equal share of its steps on each device."""
    points, labels = data()
    model, optimizer = build(devices[0])
    losses = []
    for step in range(STEPS):
        device = devices[step * len(devices) // STEPS]
        rustorch.migrate(model, optimizer, to=device)  # everything or nothing; a no-op if it is there
        x, y = rustorch.tensor(points, device=device), rustorch.tensor(labels, device=device)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Compare the run that moves with the run that stays."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", default="cpu")
    parser.add_argument("--second", default="reference")
    options = parser.parse_args()
    look_ahead(options.first, options.second)
    stayed = train([options.first])
    moved = train([options.first, options.second])
    print(f"step  {'stayed on ' + options.first:>20}  {'moved to ' + options.second:>20}  difference")
    for step in range(0, STEPS, 20):
        mark = "  <- on the second device" if step >= STEPS // 2 else ""
        print(
            f"{step:4d}  {stayed[step]:20.7f}  {moved[step]:20.7f}  {abs(stayed[step] - moved[step]):.1e}{mark}"
        )
    worst = max(abs(a - b) for a, b in zip(stayed, moved, strict=True))
    print(f"largest difference: {worst:.2e}; the loss fell from {stayed[0]:.3f} to {stayed[-1]:.3f}")
    if worst > 1e-4:
        raise SystemExit("the runs differ by more than rounding")


if __name__ == "__main__":
    main()
