"""Random numbers, defined by bits: the ops that turn a stream's state into random tensors.

The state is an int64 tensor (seed, offset) on the device.  Word i of the stream is word i % 4 of the
block that Philox4x32-10 makes of the counter offset + i // 4 under the key seed (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011).  What follows from the words uses only
float64 ``+ - * /`` and ``sqrt`` in a fixed order, so every backend gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.base import allocate
from rustorch.device import Device
from rustorch.dtypes import DType
from rustorch.ops.creation import arange, from_host
from rustorch.ops.joining import stack
from rustorch.ops.normal_quantile import normal_quantile
from rustorch.ops.op import Op
from rustorch.rng import Generator, default_generator
from rustorch.shape import Shape

_WORD = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # from the golden ratio and sqrt(3)
_ROUNDS = 10


class Draw(Op):
    """Fills a new tensor from a stream: the kernel gets it and the state, and no attributes."""

    def __init__(self, name: str, decomposition: Any, doc: str) -> None:
        # the decomposition needs the shape and dtype of `out`, so it gets `out` as an operand
        super().__init__(name, _result, decomposition=decomposition, updates_out=True, doc=doc)
        self.constant()

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        """Draw: ``op(state, shape=, dtype=)``."""
        (state,) = operands
        shape, dtype = self.rule(state, **attrs)
        out = allocate(shape, dtype, state.device)
        state.device.kernels[self.name][dtype](out, state)
        return out


def _result(state: Any, *, shape: Shape, dtype: DType) -> tuple[Shape, DType]:
    return shape, dtype


def _multiplied(word: Any, multiplier: int) -> tuple[Any, Any]:
    """Return the high and low 32 bits of a 32 x 32 bit product, in steps that fit 63 bits."""
    upper = word * (multiplier >> 16)
    total = word * (multiplier & 0xFFFF) + ((upper & 0xFFFF) << 16)
    return (upper >> 16) + (total >> 32), total & _WORD


def _words(state: Any, count: int) -> Any:
    """Return the first words of the stream, as int64 in [0, 2^32)."""
    seed = state.select(0, 0)
    block: Any = arange((count + 3) // 4, device=state.device)
    block = block + state.select(0, 1)
    c0, c1 = block & _WORD, (block >> 32) & _WORD
    c2 = c3 = c0 * 0
    k0, k1 = seed & _WORD, (seed >> 32) & _WORD
    for _ in range(_ROUNDS):
        high0, low0 = _multiplied(c0, _MULTIPLIERS[0])
        high1, low1 = _multiplied(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + _KEY_STEPS[0]) & _WORD, (k1 + _KEY_STEPS[1]) & _WORD
    words: Any = stack([c0, c1, c2, c3], 1)
    return words.reshape(-1).narrow(0, 0, count)


def _bits(out: Any, state: Any) -> Any:
    words = _words(state, out.shape.elements)
    signed = (words ^ 0x80000000) - 0x80000000  # the same 32 bits, read as two's complement
    return signed.to(dtypes.int32).reshape(out.shape)


random_bits = Draw("random_bits", _bits, doc="32 random bits per element of an int32 tensor.")


def unsigned_words(state: Any, count: int) -> Any:
    """Return the first `count` words of the stream, as int64 in [0, 2^32)."""
    return random_bits(state, shape=Shape((count,)), dtype=dtypes.int32).to(dtypes.int64) & _WORD


def _fractions53(state: Any, count: int) -> Any:
    """Return `count` integers of 53 random bits, two words each."""
    pairs = unsigned_words(state, 2 * count).reshape(count, 2)
    return ((pairs.select(1, 0) >> 5) << 26) + (pairs.select(1, 1) >> 6)


#: dtype -> how many of a word's upper bits it holds exactly; float64 takes 53 bits of two words.
_UNIFORM_BITS = {dtypes.float32: 24, dtypes.float16: 11, dtypes.bfloat16: 8}


def _uniform(out: Any, state: Any) -> Any:
    count = out.shape.elements
    if out.dtype is dtypes.float64:
        return (_fractions53(state, count).to(dtypes.float64) * 2.0**-53).reshape(out.shape)
    bits = _UNIFORM_BITS[out.dtype]
    return ((unsigned_words(state, count) >> (32 - bits)).to(out.dtype) * 2.0**-bits).reshape(out.shape)


random_uniform = Draw("random_uniform", _uniform, doc="Uniform in [0, 1), never 1 in any dtype.")


def _normal(out: Any, state: Any) -> Any:
    count = out.shape.elements
    if out.dtype is dtypes.float64:
        # strictly inside (0, 1), and symmetric about 1/2
        uniform = (_fractions53(state, count) >> 1).to(dtypes.float64) * 2.0**-52 + 2.0**-53
    elif out.dtype is dtypes.float32:
        uniform = (unsigned_words(state, count).to(dtypes.float64) + 0.5) * 2.0**-32
    else:
        return random_normal(state, shape=out.shape, dtype=dtypes.float32).to(out.dtype)
    return normal_quantile(uniform).to(out.dtype).reshape(out.shape)


random_normal = Draw(
    "random_normal", _normal, doc="Standard normal: the normal quantile of a uniform number."
)


def stream(generator: Generator | None, words: int, device: Device) -> Any:
    """Reserve `words` words of a generator (the default one if None); return the state to draw them with."""
    taken = (default_generator if generator is None else generator).take((words + 3) // 4)
    return from_host(np.array(taken, np.int64), device)


def drawn(op: Draw, shape: Shape, dtype: DType, device: Device, generator: Generator | None) -> Any:
    """Return a tensor drawn from a generator by one of the ops above."""
    words = shape.elements * (2 if dtype is dtypes.float64 else 1)
    return op(stream(generator, words, device), shape=shape, dtype=dtype)
