"""Random bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)."""

from __future__ import annotations

import mlx.core as mx

from rustorch_mlx.kernels.build import writing
from rustorch_mlx.views import View, load, store

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # from the golden ratio and sqrt(3)


def halves(x: mx.array) -> tuple[mx.array, mx.array]:
    """Split 64 bits into their high and their low 32."""
    return (x >> 32).astype(mx.uint32), x.astype(mx.uint32)


def multiply(word: mx.array, multiplier: int) -> tuple[mx.array, mx.array]:
    return halves(word.astype(mx.uint64) * mx.array(multiplier, mx.uint64))


def random_bits(out: View, state: View) -> None:
    """Word i is word i % 4 of the block of the counter offset + i // 4, under the key seed."""
    count = out.shape.elements
    seed, offset = load(state).astype(mx.uint64)
    key1, key0 = halves(seed)
    c1, c0 = halves(mx.arange((count + 3) // 4).astype(mx.uint64) + offset)
    c2 = c3 = mx.zeros_like(c0)
    for _ in range(10):
        high0, low0 = multiply(c0, MULTIPLIERS[0])
        high1, low1 = multiply(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0, key1 = (k + mx.array(s, mx.uint32) for k, s in zip((key0, key1), KEY_STEPS, strict=True))
    words = mx.stack([c0, c1, c2, c3], axis=1).reshape(-1)[:count]
    store(out, words.view(mx.int32).reshape(out.shape))


KERNELS = [writing("random_bits", random_bits, frozenset({"int32"}))]
