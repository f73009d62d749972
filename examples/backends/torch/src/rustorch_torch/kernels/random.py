"""Random bits: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

Everything else that is random follows from them by the core's decompositions.
"""

from __future__ import annotations

import numpy as np
import torch

from rustorch_reference.kernels.quantile import normal_quantile
from rustorch_torch.kernels.build import strided
from rustorch_torch.views import View, load, store

WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # from the golden ratio and sqrt(3)


def multiply(word: torch.Tensor, multiplier: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the high and the low half of a 32 x 32 bit product, in steps that fit 63 bits."""
    upper = word * (multiplier >> 16)
    total = word * (multiplier & 0xFFFF) + ((upper & 0xFFFF) << 16)
    return (upper >> 16) + (total >> 32), total & WORD


def words_of(state: View, count: int) -> torch.Tensor:
    """Return words in [0, 2**32): word i is word i % 4 of the block of the counter offset + i // 4."""
    seed, offset = load(state)
    block = torch.arange((count + 3) // 4, device=state.storage.buffer.device) + offset
    words = [block & WORD, (block >> 32) & WORD, torch.zeros_like(block), torch.zeros_like(block)]
    keys = [seed & WORD, (seed >> 32) & WORD]
    for _ in range(10):
        high0, low0 = multiply(words[0], MULTIPLIERS[0])
        high1, low1 = multiply(words[2], MULTIPLIERS[1])
        words = [high1 ^ words[1] ^ keys[0], low1, high0 ^ words[3] ^ keys[1], low0]
        keys = [(key + step) & WORD for key, step in zip(keys, KEY_STEPS, strict=True)]
    return torch.stack(words, 1).flatten()[:count]


def random_bits(out: View, state: View) -> None:
    signed = (words_of(state, out.shape.elements) ^ 0x80000000) - 0x80000000
    store(out, signed.to(torch.int32).view(out.shape))


def random_normal(out: View, state: View) -> None:
    """The bits of a normal number are defined by float64 arithmetic, which NumPy does where MPS cannot."""
    bits = words_of(state, out.shape.elements).cpu().numpy()
    values = normal_quantile((bits.astype(np.float64) + 0.5) * 2.0**-32)
    store(out, torch.from_numpy(values.astype(np.float32)).view(out.shape))


KERNELS = [strided("random_bits", random_bits, frozenset({"int32"}))]

#: Not needed where the core's decomposition can run.
WITHOUT_FLOAT64 = [strided("random_normal", random_normal, frozenset({"float32"}))]
