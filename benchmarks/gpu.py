"""Everything to be measured on a machine with a GPU, in one run; writes docs/cuda.md.

The grade of the backend by the conformance suite, the digits network and the character GPT on the
device, and overhead and throughput per op beside PyTorch on the same card.  Rounds alternate between
the libraries, each ends by waiting for the device, and ratios are medians over rounds
(PyTorch's time over ours: above 1 is faster than PyTorch).

    python benchmarks/gpu.py [--device cuda] [--rounds 15] [--skip-grade] [--write docs/cuda.md]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch

import rustorch

ROOT = Path(__file__).resolve().parents[1]
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


def elementwise(lib: object, name: str, count: int) -> Work:
    """Apply a function to `count` elements."""
    x = lib.rand(count) + 0.5
    function = getattr(lib, name)
    return lambda: function(x)


def product(lib: object, n: int, dtype: str) -> Work:
    """Multiply two n x n matrices."""
    a, b = (lib.randn(n, n).to(getattr(lib, dtype)) for _ in range(2))
    return lambda: a @ b


def reduction(lib: object, rows: int, columns: int, dim: int | None) -> Work:
    """Sum over one dim or all."""
    x = lib.randn(rows, columns)
    return x.sum if dim is None else partial(x.sum, dim)


def softmax(lib: object, rows: int, columns: int) -> Work:
    """Softmax over rows."""
    x = lib.randn(rows, columns)
    return lambda: lib.nn.functional.softmax(x, -1)


def convolution(lib: object) -> Work:
    """A 3 x 3 convolution, forward and backward."""
    layer = lib.nn.Conv2d(32, 64, 3, padding=1)
    x = lib.randn(32, 32, 32, 32)
    return lambda: layer(x).sum().backward()


def transformer(lib: object) -> Work:
    """A training step of one encoder layer."""
    layer = lib.nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.0, batch_first=True)
    optimizer = lib.optim.Adam(layer.parameters())
    x = lib.randn(16, 128, 256)

    def step() -> None:
        optimizer.zero_grad()
        layer(x).square().mean().backward()
        optimizer.step()

    return step


MANY = 1 << 24
WORKLOADS: dict[str, Callable[[object], Work]] = {
    "add, 16 elements": lambda lib: small_add(lib, grad=False),
    "add, 16 elements, with grad": lambda lib: small_add(lib, grad=True),
    "MLP 784-128-64-10, batch 64, Adam step": lambda lib: mlp_step(lib, (784, 128, 64, 10), 64),
    **{f"{name}, 16 M": lambda lib, name=name: elementwise(lib, name, MANY) for name in ("neg", "exp", "tanh", "erf")},
    "sum of 16 M": lambda lib: reduction(lib, 4096, 4096, None),
    "sum over columns, 4096 x 4096": lambda lib: reduction(lib, 4096, 4096, 0),
    "sum over rows, 4096 x 4096": lambda lib: reduction(lib, 4096, 4096, 1),
    "softmax, 4096 x 4096": lambda lib: softmax(lib, 4096, 4096),
    "matmul 512, float32": lambda lib: product(lib, 512, "float32"),
    "matmul 4096, float32": lambda lib: product(lib, 4096, "float32"),
    "matmul 4096, bfloat16": lambda lib: product(lib, 4096, "bfloat16"),
    "convolution 3 x 3, forward and backward": convolution,
    "transformer layer, Adam step": transformer,
}  # fmt: skip


def wait(lib: object, device: str) -> None:
    """Wait until the device has done all work."""
    if lib is rustorch:
        rustorch.synchronize(device)
    elif device != "cpu":
        torch.cuda.synchronize()


def seconds(lib: object, device: str, work: Work, calls: int) -> float:
    """Return the time of one call, over `calls` calls and the wait after them."""
    wait(lib, device)
    began = time.perf_counter()
    for _ in range(calls):
        work()
    wait(lib, device)
    return (time.perf_counter() - began) / calls


def compare(make: Callable[[object], Work], device: str, rounds: int) -> tuple[float, float, float]:
    """Return the medians of our and PyTorch's time, and of the ratio."""
    pair = [(rustorch, make(rustorch)), (torch, make(torch))]
    for lib, work in pair:
        seconds(lib, device, work, 3)
    calls = max(3, min(500, int(0.05 / max(seconds(lib, device, work, 3) for lib, work in pair))))
    found = []
    for number in range(rounds):
        order = pair if number % 2 else pair[::-1]
        times = {lib: seconds(lib, device, work, calls) for lib, work in order}
        found.append((times[rustorch], times[torch]))
    return (
        statistics.median(a for a, _ in found),
        statistics.median(b for _, b in found),
        statistics.median(b / a for a, b in found),
    )


def table(device: str, rounds: int) -> list[str]:
    """Return the rows of the comparison, printing each as it comes."""
    rustorch.set_default_device(device)
    torch.set_default_device(device)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    rows = ["| work | RusTorch | PyTorch | ratio |", "|---|---|---|---|"]
    for name, make in WORKLOADS.items():
        try:
            ours, theirs, ratio = compare(make, device, rounds)
            rows.append(f"| {name} | {ours * 1e6:,.1f} µs | {theirs * 1e6:,.1f} µs | {ratio:.2f} |")
        except rustorch.RusTorchError as error:
            rows.append(f"| {name} | {str(error).splitlines()[0]} | | |")
        print(rows[-1], flush=True)
    return rows


def run(title: str, *command: str, device: str) -> list[str]:
    """Run a command on the device; return a section with the end of what it printed."""
    print(f"--- {title}", flush=True)
    environment = os.environ | {"RUSTORCH_DEVICE": device, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    lines = (done.stdout + (done.stderr if done.returncode else "")).rstrip().splitlines()[-25:]
    print("\n".join(lines), flush=True)
    return [f"## {title}", "", f"Exit status {done.returncode}.", "", "```text", *lines, "```", ""]


def main() -> None:
    """Run all, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--skip-grade", action="store_true", help="only the table")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    info = rustorch.device(options.device).info
    page = [
        "# Measured on a GPU",
        "",
        f"{info.name} ({info.arch}), {info.details}, PyTorch {torch.__version__}.",
        "Made by `python benchmarks/gpu.py --write docs/cuda.md`.",
        "",
        "## Beside PyTorch on the same card",
        "",
        "float32 without TF32.  The ratio is PyTorch's time over RusTorch's: above 1 RusTorch is quicker.",
        "",
        *table(options.device, options.rounds),
        "",
    ]
    if not options.skip_grade:
        page += run("Conformance", "-m", "rustorch", "grade", options.device, device=options.device)
        page += run("Digits", "examples/digits.py", device=options.device)
        page += run("Character GPT", "examples/char_gpt.py", device=options.device)
    if options.write:
        options.write.write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
