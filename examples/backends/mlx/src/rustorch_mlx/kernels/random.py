"""Random bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)."""

from __future__ import annotations

import mlx.core as mx
import numpy as np

from rustorch_mlx.graph import graph
from rustorch_mlx.kernels.build import writing
from rustorch_mlx.views import View, load, store
from rustorch_reference.kernels.quantile import normal_quantile

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # from the golden ratio and sqrt(3)


def halves(x: mx.array) -> tuple[mx.array, mx.array]:
    """Split 64 bits into their high and their low 32."""
    return (x >> 32).astype(mx.uint32), x.astype(mx.uint32)


def multiply(word: mx.array, multiplier: int) -> tuple[mx.array, mx.array]:
    return halves(word.astype(mx.uint64) * mx.array(multiplier, mx.uint64))


def words(state: View, count: int) -> mx.array:
    """Return 32-bit words: word i is word i % 4 of the block of the counter offset + i // 4, under the key seed."""
    seed, offset = load(state).astype(mx.uint64)
    key1, key0 = halves(seed)
    c1, c0 = halves(mx.arange((count + 3) // 4).astype(mx.uint64) + offset)
    c2 = c3 = mx.zeros_like(c0)
    for _ in range(10):
        high0, low0 = multiply(c0, MULTIPLIERS[0])
        high1, low1 = multiply(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0, key1 = (k + mx.array(s, mx.uint32) for k, s in zip((key0, key1), KEY_STEPS, strict=True))
    return mx.stack([c0, c1, c2, c3], axis=1).reshape(-1)[:count]


def random_bits(out: View, state: View) -> None:
    if out.shape.elements:
        store(out, words(state, out.shape.elements).view(mx.int32).reshape(out.shape))


def random_normal(out: View, state: View) -> None:
    """The bits of a normal number are defined by float64 arithmetic, which NumPy does where Metal cannot."""
    bits = np.asarray(graph.value(words(state, out.shape.elements)))
    values = normal_quantile((bits.astype(np.float64) + 0.5) * 2.0**-32)
    store(out, mx.array(values.astype(np.float32)).reshape(out.shape))


KERNELS = [writing("random_bits", random_bits, frozenset({"int32"}))]

#: Not needed where the core's decomposition can run.
WITHOUT_FLOAT64 = [writing("random_normal", random_normal, frozenset({"float32"}))]
