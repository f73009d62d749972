"""A process that does one work with one library, when told to.

It answers lines of JSON on its standard output: first that it is ready, with the seconds from its start
to the end of the first step; then for every line "calls N" the seconds of a call.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 2


def build(library: str, name: str) -> Callable[[], Any]:
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
    lib.set_num_threads(THREADS)
    wrap = lib.compile if library == "torch.compile" else lambda x: x
    return work.build(lib, wrap)


def peak_memory() -> int:
    """Return the most bytes that this process held at once."""
    try:
        # getrusage would do, but for the parent's peak: it counts until the program is loaded
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def answer(channel: Any, **facts: Any) -> None:
    """Write a line."""
    channel.write(json.dumps(facts) + "\n")
    channel.flush()


def main() -> None:
    """Serve until the input ends."""
    library, name, started = sys.argv[1], sys.argv[2], float(sys.argv[3])
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print does not mix with the answers
    step = build(library, name)
    step()
    answer(channel, ready=True, first=time.time() - started)
    for line in sys.stdin:
        calls = int(line.split()[1])
        before = time.process_time()
        began = time.perf_counter()
        for _ in range(calls):
            step()
        elapsed = time.perf_counter() - began
        answer(
            channel,
            seconds=elapsed / calls,
            processor=time.process_time() - before,
            peak=peak_memory(),
        )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
