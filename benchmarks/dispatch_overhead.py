"""Per-op overhead of two checkouts of the core, beside each other: what a change costs while no observer is installed.

Each checkout gets a process of its own, which imports the core and the backends from there; a compiled backend
must have been built in each, or its extension copied.  The two take turns, so that a change of the machine's speed
meets both.  Reported are the medians over the rounds and the median of the ratios (after / before: below 1 is
faster than before).  A checkout beside a copy of itself shows what is noise.

    git worktree add /tmp/before REVISION
    cp backends/cpu/src/rustorch_cpu/*.so /tmp/before/backends/cpu/src/rustorch_cpu/
    python benchmarks/dispatch_overhead.py /tmp/before . [--rounds 41] [--device cpu]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]


def workloads(device: str) -> dict[str, Work]:
    """Return the work by name; made from the checkout that this process imports."""
    import rustorch
    from rustorch import nn, optim

    rustorch.set_default_device(device)
    a, b, w = rustorch.ones(16), rustorch.ones(16), rustorch.ones(16, requires_grad=True)
    square, other = rustorch.ones(4, 4), rustorch.ones(4, 4)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, y = rustorch.randn(32, 64), rustorch.randint(0, 10, (32,))

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return {
        "add, 16 elements": lambda: a + b,
        "add, 16 elements, with grad": lambda: w + b,
        "exp, 16 elements": a.exp,
        "add in place": lambda: a.add_(0.0),
        "softmax, 16 elements": lambda: a.softmax(0),
        "matmul, 4 x 4": lambda: square @ other,
        "MLP 64-32-10, batch 32, Adam step": step,
    }


def worker(device: str) -> None:
    """Answer each line (a name and a number of calls) with the seconds that a call takes."""
    import rustorch

    found = workloads(device)
    print(json.dumps({"rustorch": rustorch.__file__, "names": list(found)}), flush=True)
    for line in sys.stdin:
        name, calls = json.loads(line)
        work = found[name]
        began = time.perf_counter()
        for _ in range(calls):
            work()
        print(json.dumps((time.perf_counter() - began) / calls), flush=True)


class Checkout:
    """A process that works with the core of one checkout."""

    def __init__(self, root: Path, device: str) -> None:
        source = root.resolve() / "rustorch_core" / "src"
        if not source.is_dir():
            raise SystemExit(f"dispatch_overhead: a checkout has rustorch_core/src, {root} has not")
        backends = sorted(map(str, root.resolve().glob("backends/*/src")))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), *backends])}
        command = [sys.executable, __file__, "--worker", "--device", device]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        answer = self._answer()
        if not Path(answer["rustorch"]).is_relative_to(source):
            raise SystemExit(f"dispatch_overhead: {answer['rustorch']} was imported in place of {source}")
        self.names: list[str] = answer["names"]

    def _answer(self) -> Any:
        line = self._process.stdout.readline()  # type: ignore[union-attr] # it is a pipe
        if not line:
            raise SystemExit("dispatch_overhead: a worker died, its message is above")
        return json.loads(line)

    def seconds(self, name: str, calls: int) -> float:
        """Return the time of one call, over `calls` calls."""
        self._process.stdin.write(json.dumps((name, calls)) + "\n")  # type: ignore[union-attr] # the same
        self._process.stdin.flush()  # type: ignore[union-attr]
        return float(self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()  # type: ignore[union-attr] # the same
        self._process.wait()


def compare(before: Checkout, after: Checkout, name: str, rounds: int) -> tuple[float, float, float]:
    """Return the medians of the time before and after, and of the ratio after / before."""
    for checkout in (before, after):
        checkout.seconds(name, 50)
    calls = max(20, int(0.01 / before.seconds(name, 50)))
    pairs = []
    for number in range(rounds):
        order = (before, after) if number % 2 else (after, before)
        spent = {checkout: checkout.seconds(name, calls) for checkout in order}
        pairs.append((spent[before], spent[after]))
    return (
        statistics.median(b for b, _ in pairs),
        statistics.median(a for _, a in pairs),
        statistics.median(a / b for b, a in pairs),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, nargs="?")
    parser.add_argument("after", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.device)
        return
    if options.before is None or options.after is None:
        parser.error("two checkouts are required")
    load = os.getloadavg()[0]
    before, after = (Checkout(root, options.device) for root in (options.before, options.after))
    print("| work | before | after | ratio |\n|---|---|---|---|")
    for name in [name for name in before.names if name in after.names]:
        first, second, ratio = compare(before, after, name, options.rounds)
        print(f"| {name} | {first * 1e6:.2f} µs | {second * 1e6:.2f} µs | {ratio:.3f} |", flush=True)
    before.close()
    after.close()
    loads = f"load average before the run {load:.2f}, after it {os.getloadavg()[0]:.2f}"
    print(f"\n{options.rounds} rounds on {options.device}; {loads}")


if __name__ == "__main__":
    main()
