"""Run this Python with the sanitizers' runtime loaded first: `python tests/tools/sanitized.py -m pytest ...`.

An extension module built with `-fsanitize=address` needs libasan in the process before anything else; the
interpreter itself is not built that way, so the library is preloaded.  ``RUSTORCH_CPU_SANITIZE`` says which
sanitizers the module was built with, here as at build time.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
from pathlib import Path

RUNTIMES = {"address": "libasan.so", "undefined": "libubsan.so", "thread": "libtsan.so"}

SUPPRESSIONS = Path(__file__).with_name("thread_sanitizer.txt")

SETTINGS = {
    # The interpreter keeps memory until exit on purpose, which is no leak of ours.
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={SUPPRESSIONS}",
    # Every Python object becomes a malloc of its own, so that an overrun into one is seen.
    "PYTHONMALLOC": "malloc",
    # How the threads of NumPy's library wait for each other is hidden from ThreadSanitizer.
    "OPENBLAS_NUM_THREADS": "1",
}


def fix_addresses() -> None:
    """Turn off address randomisation from the next `exec` on: ThreadSanitizer needs the usual places in memory."""
    no_randomisation = 0x0040000  # ADDR_NO_RANDOMIZE
    ctypes.CDLL(None).personality(no_randomisation)


def runtime(name: str) -> str:
    """Return the path of a runtime library of the compiler that built the extension, or exit."""
    compiler = shlex.split(os.environ.get("CC", "gcc"))
    found = subprocess.run(
        [*compiler, f"-print-file-name={name}"], capture_output=True, check=True, text=True
    ).stdout.strip()
    if not Path(found).is_absolute():  # the compiler answers with the bare name when it has no such file
        sys.exit(f"sanitized: {compiler[0]} has no {name}; install its sanitizer runtime or set CC")
    return str(Path(found).resolve())


def main() -> None:
    """Replace this process by the interpreter with the runtime preloaded."""
    if not sys.platform.startswith("linux"):
        sys.exit(f"sanitized: preloading works on Linux only, this is {sys.platform}")
    kinds = os.environ.get("RUSTORCH_CPU_SANITIZE", "address,undefined").split(",")
    if unknown := [kind for kind in kinds if kind not in RUNTIMES]:
        sys.exit(f"sanitized: no runtime is known for {', '.join(unknown)}; there are {', '.join(RUNTIMES)}")
    os.environ["LD_PRELOAD"] = " ".join(runtime(RUNTIMES[kind]) for kind in kinds)
    os.environ |= SETTINGS
    if "thread" in kinds:
        fix_addresses()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


if __name__ == "__main__":
    main()
