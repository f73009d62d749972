"""Eager overhead beside PyTorch, in one process on the same work; writes the table of docs/overhead.md.

Each workload is timed in rounds that alternate between the two libraries, so that a change of the
machine's speed meets both.  Reported are medians over the rounds and the median of the ratios
(PyTorch's time over ours: above 1 is faster than PyTorch).

    python benchmarks/eager_overhead.py [--rounds 31] [--write docs/overhead.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch

import rustorch

Work = Callable[[], object]


def small_add(lib: object, *, grad: bool) -> Work:
    """Add two vectors of 16 elements."""
    a, b = lib.ones(16, requires_grad=grad), lib.ones(16)
    return lambda: a + b


def mlp_step(lib: object, sizes: tuple[int, ...], batch: int) -> Work:
    """One training step (forward, backward, Adam) of a perceptron with ReLU and cross-entropy."""
    nn = lib.nn
    layers = []
    for n, m in pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = lib.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    x, y = lib.randn(batch, sizes[0]), lib.randint(0, sizes[-1], (batch,))

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()

    return step


WORKLOADS: dict[str, Callable[[object], Work]] = {
    "add, 16 elements": lambda lib: small_add(lib, grad=False),
    "add, 16 elements, with grad": lambda lib: small_add(lib, grad=True),
    "MLP 64-32-10, batch 32, Adam step": lambda lib: mlp_step(lib, (64, 32, 10), 32),
    "MLP 784-128-64-10, batch 64, Adam step": lambda lib: mlp_step(lib, (784, 128, 64, 10), 64),
}


def seconds(work: Work, calls: int) -> float:
    """Return the time of one call, over `calls` calls."""
    began = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began) / calls


def compare(make: Callable[[object], Work], rounds: int) -> tuple[float, float, float]:
    """Return the medians of our and PyTorch's time, and of the ratio."""
    ours, theirs = make(rustorch), make(torch)
    for work in (ours, theirs):
        seconds(work, 50)
    calls = max(20, int(0.01 / seconds(theirs, 50)))
    pairs = []
    for number in range(rounds):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        a, b = seconds(first, calls), seconds(second, calls)
        pairs.append((a, b) if number % 2 else (b, a))
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(b / a for a, b in pairs),
    )


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rustorch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    rows = ["| work | RusTorch | PyTorch | ratio |", "|---|---|---|---|"]
    for name, make in WORKLOADS.items():
        ours, theirs, ratio = compare(make, options.rounds)
        rows.append(f"| {name} | {ours * 1e6:.2f} µs | {theirs * 1e6:.2f} µs | {ratio:.2f} |")
        print(rows[-1], flush=True)
    text = "\n".join([
        "# Eager overhead",
        "",
        "The time that an operation costs beyond its arithmetic, beside PyTorch in the same process.",
        "The ratio is PyTorch's time over RusTorch's (the median over alternating rounds):",
        "above 1 RusTorch is quicker.",
        "",
        *rows,
        "",
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, {options.threads} threads,",
        f"{rustorch.get_default_device().info.name} ({rustorch.get_default_device().info.arch}),",
        f"load average before the run {load:.2f}.",
        "Made by `python benchmarks/eager_overhead.py --write docs/overhead.md`.",
        "",
    ])  # fmt: skip
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
