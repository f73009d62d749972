"""A process that does works with one library, one at a time, when told to.

    python worker.py LIBRARY THREADS [PROCESSOR ...]

It reads lines and answers each by a line of JSON on its standard output:

    build NAME   builds the work and does it once: {"ready": the time then} or {"failure": why not}
    calls N      does it N times: {"seconds": of a call, "processor": seconds used, "peak": bytes}
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

Step = Callable[[], Any]


def _timed(step: Step) -> Callable[[int], float]:
    def run(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            step()
        return time.perf_counter() - began

    return run


@cache
def _limits(threads: int) -> Any:
    from machine import Limits

    return Limits(threads)


def build_limit(name: str, threads: int) -> Callable[[int], float]:
    """Return what takes the least time that the machine allows for a work."""
    from works import WORKS

    method, *numbers = WORKS[name].limit
    run: Callable[[int], float] = getattr(_limits(threads), method)(*numbers)
    return run


def build(library: str, name: str, threads: int) -> Step:
    """Import the library and return the step of a work."""
    from works import WORKS

    work = WORKS[name]
    if library == "jax":
        import jax_works

        return jax_works.build(*work.jax)
    if library == "numpy":
        import numpy as np

        return work.numpy(np)  # type: ignore[misc]  # only asked for where there is one
    if library == "rustorch":
        import rustorch as lib
    else:
        import torch as lib
    lib.set_num_threads(threads)
    if library == "torch.compile":
        lib.compiler.reset()  # else a second size of the same function is compiled for any size
        return work.build(lib, lib.compile)
    return work.build(lib, _onednn if library == "onednn" else lambda x: x)


def _onednn(_matmul: Any) -> Callable[[Any, Any], Any]:
    """Return PyTorch's call of oneDNN's product of matrices, on the operands as they lie (brg_matmul).

    `ONEDNN_VERBOSE=1` shows the kernel.  PyTorch's own `matmul` of float32 goes to MKL.
    """
    import torch

    linear = torch.ops.mkldnn._linear_pointwise
    return lambda a, b: linear(a, b.t(), None, "none", [], "")


def peak_memory() -> int:
    """Return the most bytes that this process held at once."""
    try:
        # getrusage would do, but for the parent's peak: it counts until the program is loaded
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _built(library: str, name: str, threads: int) -> Callable[[int], float]:
    run = build_limit(name, threads) if library == "limit" else _timed(build(library, name, threads))
    run(1)
    return run


def main() -> None:
    """Serve until the input ends."""
    library, threads, processors = sys.argv[1], int(sys.argv[2]), {int(p) for p in sys.argv[3:]}
    if processors:  # before any library counts them
        os.sched_setaffinity(0, processors)
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print does not mix with the answers
    run: Callable[[int], float] | None = None
    for line in sys.stdin:
        what, argument = line.rstrip("\n").split(" ", 1)
        facts: dict[str, Any]
        if what == "build":
            run = None
            gc.collect()  # of the work before
            try:
                run = _built(library, argument, threads)
                facts = {"ready": time.time()}
            except Exception as error:  # noqa: BLE001  # whatever it is, the page says so
                text = str(error).strip().splitlines()
                facts = {"failure": f"{type(error).__name__}: {text[0] if text else ''}"}
        else:
            calls, before = int(argument), time.process_time()
            seconds = run(calls)  # type: ignore[misc]  # nobody asks for calls of what failed
            facts = {
                "seconds": seconds / calls,
                "processor": time.process_time() - before,
                "peak": peak_memory(),
            }
        channel.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
