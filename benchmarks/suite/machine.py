"""The limits of this machine, measured: float32 arithmetic and copying, by two threads of plain C."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SOURCE = r"""
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
enum { LANES = 16, CHAINS = 24, TURNS = 20000000 };  /* enough independent chains to fill the units */
typedef float vector __attribute__((vector_size(4 * LANES)));
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
static void *multiply(void *sink) {
    vector acc[CHAINS], a, b;
    for (int i = 0; i < LANES; i++) { a[i] = 1.0f + 1e-7f * i; b[i] = 1e-9f; }
    for (int c = 0; c < CHAINS; c++) acc[c] = a;
    for (long n = 0; n < TURNS; n++) {
#pragma GCC unroll 24
        for (int c = 0; c < CHAINS; c++) acc[c] = acc[c] * a + b;
        __asm__ volatile("" ::: "memory");
    }
    for (int c = 1; c < CHAINS; c++) acc[0] += acc[c];
    memcpy(sink, &acc[0], sizeof acc[0]);
    return 0;
}
struct part { char *to, *from; size_t n; };
static void *copy(void *p) { struct part *q = p; memcpy(q->to, q->from, q->n); return 0; }
static double timed(void *(*work)(void *), void **args, int threads) {
    pthread_t id[64];
    double began = now();
    for (int t = 1; t < threads; t++) pthread_create(&id[t], 0, work, args[t]);
    work(args[0]);
    for (int t = 1; t < threads; t++) pthread_join(id[t], 0);
    return now() - began;
}
double peak_flops(int threads) {
    static vector sinks[64];
    void *args[64];
    for (int t = 0; t < threads; t++) args[t] = &sinks[t];
    return 2.0 * LANES * CHAINS * (double)TURNS * threads / timed(multiply, args, threads);
}
double copy_bandwidth(int threads, size_t n) {
    char *from = malloc(n), *to = malloc(n);
    memset(from, 1, n); memset(to, 2, n);
    struct part parts[64];
    void *args[64];
    for (int t = 0; t < threads; t++) {
        parts[t] = (struct part){to + n / threads * t, from + n / threads * t, n / threads};
        args[t] = &parts[t];
    }
    double best = 1e9;
    for (int i = 0; i < 7; i++) { double s = timed(copy, args, threads); if (s < best) best = s; }
    free(from); free(to);
    return 2.0 * n / best;
}
"""


@dataclass(frozen=True)
class Limits:
    """What the machine can do at most: float32 operations and bytes, per second."""

    flops: float
    bandwidth: float


def measure(threads: int) -> Limits:
    """Compile and run the two loops; zeros where there is no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        return Limits(0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "limits.c"), Path(folder, "limits.so")
        source.write_text(_SOURCE)
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread"]
        subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
        loops = ctypes.CDLL(str(library))
        loops.peak_flops.restype = loops.copy_bandwidth.restype = ctypes.c_double
        flops = max(loops.peak_flops(threads) for _ in range(3))
        return Limits(flops, loops.copy_bandwidth(threads, ctypes.c_size_t(1 << 28)))


def busy_seconds() -> float:
    """Return the processor time that the whole machine has spent so far, where the system tells (Linux)."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, *_ = map(int, fields)
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def description() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
