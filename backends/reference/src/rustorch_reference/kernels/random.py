"""Random numbers, defined by bits: the same state gives the same values on every backend.

`state` holds (seed, offset).  Word i of the stream is word i % 4 of Philox block offset + i // 4.
What follows from the words uses only IEEE float64 ``+ - * /`` and ``sqrt``, in the order written
here and without fused multiply-add, so that it rounds alike everywhere.
"""

from __future__ import annotations

import numpy as np

from rustorch_reference.dtypes import FLOATS
from rustorch_reference.kernels.build import strided
from rustorch_reference.kernels.quantile import normal_quantile
from rustorch_reference.views import View, array, store

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
KEY_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)  # from the golden ratio and sqrt(3)
SIGNIFICAND = {"float16": 11, "bfloat16": 8, "float32": 24}  # bits


def philox(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Philox4x32-10: four random words for every counter of four words, under a key of two.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    Shapes: counter (..., 4), key (2,), result (..., 4), all uint32.
    """
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint32), -1, 0)
    key = np.array(key, np.uint32)
    for _ in range(10):
        high0, low0 = multiply(c0, MULTIPLIERS[0])
        high1, low1 = multiply(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0
        key = key + KEY_STEPS
    return np.stack([c0, c1, c2, c3], axis=-1)


def multiply(word: np.ndarray, multiplier: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """Return the high and the low half of a 32 x 32 bit product."""
    product = word.astype(np.uint64) * multiplier
    return (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)


def words(state: View, count: int) -> np.ndarray:
    """Return the first `count` words of the stream that starts at `state`, as uint32."""
    seed, offset = array(state).astype(np.uint64)
    block = np.arange((count + 3) // 4, dtype=np.uint64) + offset
    zero = np.zeros_like(block)
    counter = np.stack([*halves(block), zero, zero], axis=-1)
    return philox(counter, np.array(halves(seed))).reshape(-1)[:count]


def halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split 64 bits into their low and their high 32."""
    return x & np.uint64(0xFFFFFFFF), x >> np.uint64(32)


def words53(state: View, count: int) -> np.ndarray:
    """Return `count` integers of 53 random bits: the upper 27 of one word and the upper 26 of the next."""
    first, second = words(state, 2 * count).astype(np.uint64).reshape(count, 2).T
    return (first >> np.uint64(5)) << np.uint64(26) | second >> np.uint64(6)


def random_bits(out: View, state: View) -> None:
    """32 random bits per element."""
    array(out)[...] = words(state, out.shape.elements).view(np.int32).reshape(out.shape)


def random_uniform(out: View, state: View) -> None:
    """Uniform in [0, 1): as many random bits as the dtype's significand holds, so that none is rounded to 1.

    float64 takes 53 bits of two words; the others the upper 24, 11 or 8 bits of one word.
    """
    count = out.shape.elements
    if out.dtype.name == "float64":
        values = words53(state, count) * 2.0**-53
    else:
        bits = SIGNIFICAND[out.dtype.name]
        values = (words(state, count) >> np.uint32(32 - bits)) * 2.0**-bits
    store(out, values.reshape(out.shape))


def random_normal(out: View, state: View) -> None:
    """Standard normal: the normal quantile of a uniform number strictly inside (0, 1)."""
    count = out.shape.elements
    if out.dtype.name == "float64":
        uniform = (words53(state, count) >> np.uint64(1)) * 2.0**-52 + 2.0**-53
    else:
        uniform = (words(state, count) + 0.5) * 2.0**-32
    store(out, normal_quantile(uniform).reshape(out.shape))


KERNELS = [
    strided("random_bits", random_bits, frozenset({"int32"})),
    strided("random_uniform", random_uniform, FLOATS),
    strided("random_normal", random_normal, frozenset({"float32", "float64"})),
]
